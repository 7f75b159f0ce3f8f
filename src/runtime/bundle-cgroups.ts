import { existsSync, readFileSync } from "node:fs";
import type { CgroupHierarchy, CgroupLayout, CgroupPath } from "../core/cgroup-layout.ts";
import { cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { type CgroupGroup, listCgroupPids } from "../kernel/cgroup-group.ts";
import { ownCgroupDirectory } from "../kernel/make-cgroup.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";
import type { CgroupPlan } from "../plan/plan-input.ts";
import { withDefaultDevices } from "./bundle-devices.ts";

/**
 * Where `linux.cgroupsPath` puts a container: it counts from the mount point of every hierarchy, also where it is relative, whose meaning the
 * specification leaves open. Without one the group is `/wherry-oci-ID`.
 * @throws {EngineError} CONFIG_INVALID for systemd's `slice:prefix:name`, which goes with --systemd-cgroup only.
 */
export function bundleCgroupPath(config: OciConfig, id: string): CgroupPath {
  const path = config.linux?.cgroupsPath ?? "";
  if (/^[^/]*:[^/]*:[^/]*$/.test(path))
    throw configInvalid(`\`linux.cgroupsPath\`: \`${path}\` is for systemd's cgroup driver (--systemd-cgroup)`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || path.includes("\n"))
    throw configInvalid(`\`linux.cgroupsPath\`: \`${path}\` leads out of where control groups are`);
  return parts.length === 0 ? `/wherry-oci-${id}` : `/${parts.join("/")}`;
}

/**
 * What is to be written to the container's group, which is there: `layout` has v2's controllers as the group really has them. It depends on
 * what is given, `callersGroups()` and the kernel alone.
 * @param options `devices`: whether the rules for them are, which only the host's root may set; others can't make nodes either
 * @throws {EngineError} as compileCgroups
 */
export async function placeInCgroups(
  config: OciConfig,
  { layout, path }: CgroupGroup,
  { devices }: { readonly devices: boolean },
): Promise<CgroupPlan> {
  const { compileCgroups } = await import("../plan/cgroups/compile-cgroups.ts");
  const { devices: rules = [], ...resources } = config.linux?.resources ?? {};
  const hasFile = (controller: string, file: string): boolean => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, path)}/${file}`);
  };
  const compiled = compileCgroups({
    resources: { ...resources, ...(devices ? { devices: withDefaultDevices(rules) } : {}) },
    layout,
    root: path,
    path,
    hasFile,
  });
  return { ...compiled, placements: withOwnDirectories(layout, compiled), launcherStays: true };
}

/**
 * A group with processes is somebody's: the container's limits would be theirs, and its end their end.
 * @throws {EngineError} CGROUP_BUSY
 */
export function requireEmptyCgroup(group: CgroupGroup): void {
  const pids = listCgroupPids(group);
  if (pids.length === 0) return;
  throw new EngineError({
    kind: "conflict",
    code: "CGROUP_BUSY",
    message: `container's cgroup is not empty: ${pids.length} process(es) found in \`${group.path}\` (\`linux.cgroupsPath\`)`,
  });
}

/**
 * The group of a running container, for a further process. On v2 that is the first process's own, where the container has made groups in
 * its group and passes controllers on to them: no process may be in one that does.
 * @param beneath groups in the container's that are there already, by controller (`systemd` for its named hierarchy); by "" for all
 *   hierarchies, of which those that don't have it keep to the container's own
 * @throws {EngineError} INVALID_OPTION for one that is nowhere
 */
export function joinCgroups({ layout, path }: CgroupGroup, pid: number, beneath: ReadonlyMap<string, string> = new Map()): CgroupPlan {
  const found = new Set<string>();
  const placements = layout.hierarchies.flatMap((hierarchy) => {
    const names = ["", ...hierarchy.controllers, hierarchy.name].filter((name) => beneath.has(name));
    const group = cgroupDirectory(hierarchy, hierarchy.version === 1 || beneath.size > 0 ? path : ownGroup(hierarchy, path, pid));
    const chosen = `${group}/${beneath.get(names[0] ?? "") ?? ""}`;
    const isThere = names.length > 0 && existsSync(chosen);
    if (isThere) for (const name of names) found.add(name);
    const directory = isThere ? (chosen as HostPath) : group;
    return existsSync(directory) ? [{ directory, version: hierarchy.version, writes: [], monitorDirectory: directory }] : [];
  });
  for (const [name, group] of beneath)
    if (!found.has(name)) throw invalidOption(`no control group \`${group}\`${name === "" ? "" : ` of ${name}`} beneath the container's`);
  return { placements: withOwnDirectories(layout, { placements }), launcherStays: true };
}

function ownGroup(hierarchy: CgroupHierarchy, path: CgroupPath, pid: number): CgroupPath {
  const passedOn = `${cgroupDirectory(hierarchy, path)}/cgroup.subtree_control`;
  if (!existsSync(passedOn) || readFileSync(passedOn, "utf8").trim() === "") return path;
  const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? path;
  return own.startsWith(`${path}/`) ? own : path;
}

/** @see proc_pid_cgroup(5) */
export function callersGroups(): string {
  return readFileSync("/proc/self/cgroup", "utf8");
}

/** The launcher goes back to where its caller has put it. */
function withOwnDirectories(layout: CgroupLayout, { placements }: CgroupPlan): CgroupPlan["placements"] {
  const own = callersGroups();
  return placements.map((placement) => {
    const hierarchy = layout.hierarchies.find(({ mountPoint }) => placement.directory.startsWith(`${mountPoint}/`));
    return hierarchy === undefined ? placement : { ...placement, monitorDirectory: ownCgroupDirectory(hierarchy, own) };
  });
}
