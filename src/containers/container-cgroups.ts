import { existsSync } from "node:fs";
import { type CgroupPath, cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { freezeCgroup, killCgroup, removeCgroup, removeEmptyCgroup, thawCgroup } from "../kernel/cgroup-control.ts";
import { type CgroupGroup, listCgroupPids } from "../kernel/cgroup-group.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import { type CgroupRoot, cgroupRootPath, ensureCgroupRoot } from "../kernel/cgroup-root.ts";
import { readCgroupStats, readOomKills } from "../kernel/cgroup-stats.ts";
import type { ContainerStats } from "../kernel/container-stats.ts";
import { type CompiledCgroups, compileCgroups } from "../plan/cgroups/compile-cgroups.ts";
import type { OciResources } from "../plan/oci-config.ts";
import { type GroupOwner, type ParentedGroup, parentedGroup } from "./parent-group.ts";

/** The control groups of one data root's containers: `ROOT/ID` in every hierarchy of this host, or where `--cgroup-parent` puts one. */
export class ContainerCgroups {
  readonly #instance: string;
  #layout: ReturnType<typeof detectCgroupLayout> | undefined;
  #root: CgroupRoot | undefined;

  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Makes Wherry's own group if it is not there. @throws {EngineError} CGROUP_SETUP_FAILED */
  ensureRoot(): CgroupRoot {
    this.#root ??= ensureCgroupRoot(this.#detect(), this.#instance);
    return this.#root;
  }

  path(owner: GroupOwner): CgroupPath {
    return this.parented(owner)?.path ?? `${cgroupRootPath(this.#detect(), this.#instance)}/${owner.id}`;
  }

  /** @throws {EngineError} INVALID_OPTION for a parent that can't be one */
  parented(owner: GroupOwner): ParentedGroup | null {
    return parentedGroup(this.#detect(), this.#instance, owner);
  }

  /** Where a new container's process goes and what is written there. @throws {EngineError} CGROUP_CONTROLLER_MISSING, INVALID_OPTION. */
  plan(owner: GroupOwner, resources: OciResources, defaulted: ReadonlySet<string>): CompiledCgroups {
    const { layout, path: root, hasFile } = this.ensureRoot();
    const path = this.path(owner);
    // A group elsewhere may have others; where it is not made yet, those of Wherry's groups are the best guess.
    const elsewhere =
      this.parented(owner) !== null && layout.hierarchies.every((hierarchy) => existsSync(cgroupDirectory(hierarchy, path)));
    const hasOwnFile = (controller: string, file: string): boolean => {
      const hierarchy = hierarchyOf(layout, controller);
      return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, path)}/${file}`);
    };
    return compileCgroups({ resources, layout, root, path, hasFile: elsewhere ? hasOwnFile : hasFile, defaulted });
  }

  freeze(owner: GroupOwner): Promise<void> {
    return freezeCgroup(this.group(owner));
  }

  thaw(owner: GroupOwner): void {
    thawCgroup(this.group(owner));
  }

  /** Kills all that is left in it. A group that is gone is fine. */
  kill(owner: GroupOwner): Promise<void> {
    return killCgroup(this.group(owner));
  }

  /**
   * Removes the group; what is left in it is killed (a container without a pid namespace of its own may leave processes). Idempotent.
   * @throws {EngineError} CGROUP_BUSY
   */
  async remove(owner: GroupOwner): Promise<void> {
    const group = this.group(owner);
    if (removeEmptyCgroup(group)) return;
    await killCgroup(group);
    await removeCgroup(group);
  }

  pids(owner: GroupOwner): readonly number[] {
    return listCgroupPids(this.group(owner));
  }

  stats(owner: GroupOwner): ContainerStats {
    return readCgroupStats(this.group(owner));
  }

  oomKills(owner: GroupOwner): number {
    return readOomKills(this.group(owner));
  }

  #detect(): ReturnType<typeof detectCgroupLayout> {
    this.#layout ??= detectCgroupLayout();
    return this.#layout;
  }

  /** Where its limits are. */
  group(owner: GroupOwner): CgroupGroup {
    return { layout: this.#detect(), path: this.path(owner) };
  }
}
