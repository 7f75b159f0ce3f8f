import { existsSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import { applyCgroupUpdate, readCgroupFile } from "../kernel/cgroup-update.ts";
import { setScopeProperties } from "../kernel/systemd-scope.ts";
import { compileCgroupUpdate } from "../plan/cgroups/compile-update.ts";
import { scopeProperties } from "../plan/cgroups/scope-properties.ts";
import type { OciResources } from "../plan/oci-config.ts";
import { type ContainerFiles, readRecord } from "./container-record.ts";
import { containerStatus } from "./container-status.ts";
import { notRunning } from "./kill-container.ts";
import type { ClassOfServiceChange } from "./update-class-of-service.ts";
import { StateLock } from "../kernel/state-lock.ts";

/**
 * Changes the limits of a container that is created, runs or is paused. What is absent stays; so does a 0, which engines write for "as it is".
 * @param classOfService empty: as it is
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CGROUP_CONTROLLER_MISSING, CGROUP_UPDATE_FAILED, INVALID_OPTION
 */
export async function updateContainer(files: ContainerFiles, resources: OciResources, classOfService: ClassOfServiceChange): Promise<void> {
  readRecord(files);
  using lock = StateLock.acquire(files.directory);
  const record = readRecord(files);
  if (containerStatus(files, record, lock) === "stopped") throw notRunning();
  if (Object.keys(classOfService).length > 0) {
    const { findResctrl } = await import("./class-of-service.ts");
    const { updateClassOfService } = await import("./update-class-of-service.ts");
    updateClassOfService(files, record, { change: classOfService, resctrl: findResctrl() });
  }
  const path = record.cgroup;
  const layout = detectCgroupLayout();
  const hasFile = (controller: string, file: string): boolean => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, path)}/${file}`);
  };
  const read = (controller: string, file: string) => readCgroupFile({ layout, path }, controller, file);
  const given = withoutZeros(resources);
  applyCgroupUpdate(compileCgroupUpdate({ resources: given, layout, path, hasFile, read }));
  if (record.systemdUnit !== undefined) setScopeProperties(record.systemdUnit, scopeProperties(given));
}

/** Devices can't be changed: the rules are the container's from the start. */
function withoutZeros({ devices: _, ...resources }: OciResources): OciResources {
  return prune(resources);
}

/** Without zeros, empty strings, nulls and what is empty then. Lists and `unified` stay as they are: a zero means something there. */
function prune(value: object): object {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, entry]): readonly (readonly [string, unknown])[] => {
      if (entry === 0 || entry === "" || entry === null || entry === undefined) return [];
      if (name === "unified" || Array.isArray(entry) || typeof entry !== "object") return [[name, entry]];
      const pruned = prune(entry as object);
      return Object.keys(pruned).length === 0 ? [] : [[name, pruned]];
    }),
  );
}
