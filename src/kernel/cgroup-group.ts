import { readdirSync, readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { type CgroupHierarchy, type CgroupLayout, type CgroupPath, cgroupDirectory } from "../core/cgroup-layout.ts";

/** One container's group, in all hierarchies. */
export interface CgroupGroup {
  readonly layout: CgroupLayout;
  readonly path: CgroupPath;
}

/**
 * The directory that knows all processes: v2's where mounted (processes are born into it), else that of a v1 hierarchy, freezer's first.
 */
export function processDirectory(group: CgroupGroup): HostPath {
  const { hierarchies } = group.layout;
  const found: CgroupHierarchy | undefined =
    hierarchies.find(({ version }) => version === 2) ??
    hierarchies.find(({ controllers }) => controllers.includes("freezer")) ??
    hierarchies[0];
  if (found === undefined) throw new RangeError("a layout without hierarchies");
  return cgroupDirectory(found, group.path);
}

/** Directories of a group and the groups beneath it, children first. Empty when it does not exist. */
export function groupDirectories(directory: string): readonly string[] {
  let entries: readonly { readonly name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  const children = entries.filter((entry) => entry.isDirectory()).flatMap((entry) => groupDirectories(`${directory}/${entry.name}`));
  return [...children, directory];
}

/** Processes in the group and beneath it, as pids of the caller's namespace. A process that is just ending may still be listed. None where there is no hierarchy. */
export function listCgroupPids(group: CgroupGroup): readonly number[] {
  if (group.layout.hierarchies.length === 0) return [];
  return groupDirectories(processDirectory(group)).flatMap((directory) => readPids(`${directory}/cgroup.procs`));
}

/** EOPNOTSUPP for a threaded v2 group, ENODEV or ENOENT for one that is being removed: no processes to see there. */
function readPids(path: string): readonly number[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
