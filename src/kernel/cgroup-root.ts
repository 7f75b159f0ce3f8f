import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { type CgroupHierarchy, type CgroupLayout, type CgroupPath, cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import { startCgroupUnit } from "./cgroup-unit.ts";

/** Wherry's own group, ready to take containers. */
export interface CgroupRoot {
  /** v2's controllers are those that groups beneath the root really have. */
  readonly layout: CgroupLayout;
  readonly path: CgroupPath;
  /** Whether a container's group has a file of a controller. */
  readonly hasFile: (controller: string, file: string) => boolean;
}

/**
 * Makes Wherry's own group and its child `monitors` in every hierarchy, once; afterwards this costs one stat (and one small read on v2).
 *
 * v2: controllers are enabled from the top down to the root, which itself stays free of processes (the "no internal processes" rule).
 * v1: the root's cpuset is filled, and groups made in it inherit that. Under systemd the root is a unit of its own with Delegate=yes.
 * Idempotent, and safe while others do the same: what marks it as done is made last.
 * @param name unique to the data root, e.g. `wherry-1a2b`.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 * @see Documentation/admin-guide/cgroup-v2.rst, https://systemd.io/CGROUP_DELEGATION
 */
export function ensureCgroupRoot(layout: CgroupLayout, name: string): CgroupRoot {
  const path = cgroupRootPath(layout, name);
  const marker = layout.hierarchies.at(-1);
  if (marker === undefined) throw new RangeError("a layout without hierarchies");
  // Under systemd with v1 the last hierarchy may be none of its own: what is in there stays when the unit is stopped.
  const markers = layout.systemd ? [systemdHierarchy(layout), marker] : [marker];
  if (!markers.every((hierarchy) => existsSync(cgroupDirectory(hierarchy, `${path}/monitors`)))) {
    try {
      if (layout.systemd) startCgroupUnit(cgroupUnit(name), () => existsSync(cgroupDirectory(systemdHierarchy(layout), path)));
      for (const hierarchy of layout.hierarchies) prepareHierarchy(hierarchy, { path, layout });
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw setupFailed(path, cause);
    }
  }
  return describe(layout, path);
}

/** Where the root is or would be; nothing is made. */
export function cgroupRootPath(layout: CgroupLayout, name: string): CgroupPath {
  return layout.systemd ? `/system.slice/${cgroupUnit(name)}` : `/${name}`;
}

/** The systemd unit that holds all containers of a data root. Not `NAME.service`: that is what an administrator would call the API server. */
export function cgroupUnit(name: string): string {
  return `${name}-containers.service`;
}

/** Removes the root where it is empty; for tests and uninstalling. Under systemd the unit is to be stopped instead. */
export function removeCgroupRoot(root: CgroupRoot): void {
  for (const hierarchy of root.layout.hierarchies.toReversed()) {
    for (const path of [`${root.path}/monitors`, root.path]) {
      try {
        rmdirSync(cgroupDirectory(hierarchy, path));
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw error;
      }
    }
  }
}

function describe(layout: CgroupLayout, path: CgroupPath): CgroupRoot {
  const hierarchies = layout.hierarchies.map((hierarchy): CgroupHierarchy => {
    if (hierarchy.version === 1 || hierarchy.controllers.length === 0) return hierarchy;
    return { ...hierarchy, controllers: readWords(`${cgroupDirectory(hierarchy, path)}/cgroup.subtree_control`) };
  });
  const real = { ...layout, hierarchies };
  const hasFile = (controller: string, file: string): boolean => {
    const hierarchy = hierarchyOf(real, controller);
    return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, `${path}/monitors`)}/${file}`);
  };
  return { layout: real, path, hasFile };
}

function prepareHierarchy(hierarchy: CgroupHierarchy, options: { readonly path: CgroupPath; readonly layout: CgroupLayout }): void {
  const { path, layout } = options;
  // Above a delegated unit the tree is systemd's; on a hybrid host a controller enabled at v2's top could not be mounted as v1 any more.
  const ownsAbove = !layout.systemd && layout.mode === "v2";
  const levels = path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  for (const level of levels) {
    const directory = cgroupDirectory(hierarchy, level);
    if (level !== "") mkdirSync(directory, { recursive: true, mode: 0o755 });
    if (hierarchy.version === 1) {
      if (hierarchy.controllers.includes("cpuset") && level !== "")
        fillCpuset(directory, cgroupDirectory(hierarchy, level.slice(0, level.lastIndexOf("/"))));
    } else if (ownsAbove || level === path) {
      if (level === path) evacuate(directory);
      enableControllers(directory);
    }
  }
  mkdirSync(cgroupDirectory(hierarchy, `${path}/monitors`), { recursive: true, mode: 0o755 });
}

/** A v1 cpuset starts empty and then takes no process (ENOSPC). With clone_children, groups made beneath this one are filled by the kernel. */
export function fillCpuset(directory: string, parent: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (readFileSync(`${directory}/${file}`, "utf8").trim() === "")
      writeFileSync(`${directory}/${file}`, readFileSync(`${parent}/${file}`, "utf8").trim());
  }
  writeFileSync(`${directory}/cgroup.clone_children`, "1");
}

/** Moves the processes of Wherry's own group (the unit's keeper) to its child: a v2 group with processes can't pass controllers on. */
function evacuate(directory: string): void {
  const pids = readWords(`${directory}/cgroup.procs`);
  if (pids.length === 0) return;
  mkdirSync(`${directory}/monitors`, { recursive: true, mode: 0o755 });
  for (const pid of pids) {
    try {
      writeFileSync(`${directory}/monitors/cgroup.procs`, pid);
    } catch (error) {
      // It has ended meanwhile.
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
}

/** All that the group has, at once; if the kernel refuses (a real-time process keeps `cpu` out, say), one by one, as far as it goes. */
export function enableControllers(directory: string): void {
  const enabled = readWords(`${directory}/cgroup.subtree_control`);
  const wanted = readWords(`${directory}/cgroup.controllers`).filter((controller) => !enabled.includes(controller));
  if (wanted.length === 0) return;
  const file = `${directory}/cgroup.subtree_control`;
  try {
    writeFileSync(file, wanted.map((controller) => `+${controller}`).join(" "));
  } catch {
    const failures = wanted.flatMap((controller) => {
      try {
        writeFileSync(file, `+${controller}`);
        return [];
      } catch (error) {
        return [error];
      }
    });
    if (failures.length === wanted.length && failures.length > 0 && enabled.length === 0) throw failures[0];
  }
}

function systemdHierarchy(layout: CgroupLayout): CgroupHierarchy {
  const found =
    layout.hierarchies.find((hierarchy) => hierarchy.version === 2) ?? layout.hierarchies.find(({ name }) => name === "systemd");
  if (found !== undefined) return found;
  throw new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_SETUP_FAILED",
    message: "find systemd's control groups: neither cgroup v2 nor `name=systemd` is mounted",
  });
}

function setupFailed(path: CgroupPath, cause: unknown): EngineError {
  const errno = errnoOf(cause);
  const remedy =
    errno === "EROFS"
      ? ": the cgroup file system is mounted read-only; remount it read-write (inside a container: start that one privileged)"
      : errno === "EACCES" || errno === "EPERM"
        ? ": permission denied; Wherry needs root, or a delegated group"
        : errno === "EBUSY"
          ? ": processes in the group above keep it from passing controllers on; move them to a child group first"
          : `: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_SETUP_FAILED",
    message: `prepare the control group \`${path}\`${remedy}`,
    cause,
  });
}

function readWords(path: string): readonly string[] {
  return readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
