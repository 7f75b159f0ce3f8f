import { existsSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { type CgroupPath, slicePath } from "../core/cgroup-layout.ts";
import { managerGroup, startScope } from "../kernel/systemd-scope.ts";
import { scopeProperties } from "../plan/cgroups/scope-properties.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";

/** A container's unit under systemd's cgroup driver. */
export interface SystemdUnit {
  readonly slice: string;
  /** `PREFIX-NAME.scope`. */
  readonly unit: string;
  readonly path: CgroupPath;
}

/**
 * The unit that `linux.cgroupsPath` names, `slice:prefix:name`; without one `system.slice:wherry-oci:ID`, or `user.slice:…` of a user's.
 * @param above where the manager has its slices: see managerGroup()
 * @throws {EngineError} CONFIG_INVALID
 */
export function systemdUnit(config: OciConfig, id: string, above = ""): SystemdUnit {
  const given = config.linux?.cgroupsPath ?? "";
  const usual = above === "" ? "system.slice" : "user.slice";
  const parts = given === "" ? [usual, "wherry-oci", id] : given.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3 || name === "")
    throw configInvalid(`\`linux.cgroupsPath\`: \`slice:prefix:name\` is meant with --systemd-cgroup, not \`${given}\``);
  const parent = slice === "" ? usual : slice;
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  if (/[/\s]/.test(unit)) throw configInvalid(`\`linux.cgroupsPath\`: \`${unit}\` is no name of a unit`);
  return { slice: parent, unit, path: `${above}${unitSlicePath(parent)}/${unit}` };
}

/** The same, of the caller's manager. @throws {EngineError} CONFIG_INVALID, CGROUP_SETUP_FAILED */
export function containerUnit(config: OciConfig, id: string): SystemdUnit {
  return systemdUnit(config, id, managerGroup());
}

/** @throws {EngineError} CONFIG_INVALID */
export function unitSlicePath(slice: string): CgroupPath {
  const path = slicePath(slice);
  if (path === undefined) throw configInvalid(`\`linux.cgroupsPath\`: \`${slice}\` is no name of a slice`);
  return path;
}

/**
 * Has systemd make the container's group. Dispose of the result when the container's process is in it.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 */
export function startContainerScope(config: OciConfig, id: string, launcher: string): Disposable {
  if (!existsSync("/run/systemd/system")) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_SETUP_FAILED",
      message: "systemd cgroup flag passed, but systemd support for managing cgroups is not available",
    });
  }
  const { unit, slice, path } = containerUnit(config, id);
  const properties = scopeProperties(config.linux?.resources ?? {});
  return startScope({ unit, slice, path, properties, launcher, description: `container ${id}` });
}
