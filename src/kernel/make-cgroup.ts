import { mkdirSync, readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { type CgroupHierarchy, type CgroupLayout, type CgroupPath, cgroupDirectory } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import { enableControllers, fillCpuset } from "./cgroup-root.ts";

/**
 * Makes a group and those above it in every hierarchy, ready to take a process and limits, wherever the caller wants it: what an OCI
 * runtime does with `linux.cgroupsPath`. A group that is there already is taken as it is. The layout that comes back has v2's controllers as
 * the group really has them.
 * @param options `enableAbove`: v2's controllers are passed on by the groups above; systemd does that itself for what it delegates.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 */
export function makeCgroup(layout: CgroupLayout, path: CgroupPath, options: { readonly enableAbove: boolean }): CgroupLayout {
  try {
    return { ...layout, hierarchies: layout.hierarchies.map((hierarchy) => makeIn(hierarchy, { layout, path, ...options })) };
  } catch (cause) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_SETUP_FAILED",
      message: `make the control group \`${path}\`: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function makeIn(
  hierarchy: CgroupHierarchy,
  { layout, path, enableAbove }: { readonly layout: CgroupLayout; readonly path: CgroupPath; readonly enableAbove: boolean },
): CgroupHierarchy {
  const directory = cgroupDirectory(hierarchy, path);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const levels = path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  if (hierarchy.version === 1 && hierarchy.controllers.includes("cpuset") && isEmpty(`${directory}/cpuset.mems`)) {
    for (const level of levels.slice(1))
      fillCpuset(cgroupDirectory(hierarchy, level), cgroupDirectory(hierarchy, level.slice(0, level.lastIndexOf("/"))));
  }
  // From the top down: a group can pass on only what it has.
  if (layout.mode === "v2" && enableAbove) for (const level of levels.slice(0, -1)) enableControllers(cgroupDirectory(hierarchy, level));
  if (hierarchy.version === 1 || layout.mode !== "v2") return hierarchy;
  const controllers = readFileSync(`${cgroupDirectory(hierarchy, path)}/cgroup.controllers`, "utf8");
  return { ...hierarchy, controllers: controllers.split(/\s+/).filter(Boolean) };
}

function isEmpty(file: string): boolean {
  return readFileSync(file, "utf8").trim() === "";
}

/** The calling process's own directory in a hierarchy, or its root where that can't be seen from here (a cgroup namespace). */
export function ownCgroupDirectory(hierarchy: CgroupHierarchy, procCgroup: string): HostPath {
  for (const line of procCgroup.split("\n")) {
    const [, controllers, ...rest] = line.split(":");
    const path = rest.join(":");
    if (controllers === undefined || path.startsWith("/..")) continue;
    const matches = hierarchy.version === 2 ? controllers === "" : isHierarchyOf(hierarchy, controllers.split(","));
    if (matches) return cgroupDirectory(hierarchy, path === "/" ? "" : path);
  }
  return hierarchy.mountPoint;
}

function isHierarchyOf(hierarchy: CgroupHierarchy, names: readonly string[]): boolean {
  const [first] = hierarchy.controllers;
  return first === undefined ? names.includes(`name=${hierarchy.name}`) : names.includes(first);
}
