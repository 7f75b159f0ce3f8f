import type { HostPath } from "./brands.ts";

/** One mounted cgroup hierarchy. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: HostPath;
  /** Controllers that groups in it can use; empty for a named v1 hierarchy and for the v2 one of most hybrid hosts. */
  readonly controllers: readonly string[];
  /** `systemd` for `name=systemd`, else empty. */
  readonly name: string;
}

/** Where this host keeps its control groups. */
export interface CgroupLayout {
  /** `hybrid`: v1 controllers beside a mounted v2 hierarchy. */
  readonly mode: "v1" | "v2" | "hybrid";
  /** Those that a container is placed in. A controller is in at most one of them. */
  readonly hierarchies: readonly CgroupHierarchy[];
  /** PID 1 is systemd, which owns the tree: groups may only be made beneath a unit that it has delegated. */
  readonly systemd: boolean;
}

/** A group's path from the mount point of every hierarchy, e.g. `/wherry-1a2b`: absolute, no `..`, no slash at the end. */
export type CgroupPath = string;

/** The hierarchy that a controller lives in, or undefined where the host does not offer it. */
export function hierarchyOf(layout: CgroupLayout, controller: string): CgroupHierarchy | undefined {
  return layout.hierarchies.find((hierarchy) => hierarchy.controllers.includes(controller));
}

export function cgroupDirectory(hierarchy: CgroupHierarchy, path: CgroupPath): HostPath {
  return `${hierarchy.mountPoint}${path}` as HostPath;
}

/**
 * Where systemd has a slice's control group: `a-b.slice` lies in `a.slice`; `-.slice` is the root, an empty path. Undefined for what is no name
 * of a slice.
 * @see systemd.slice(5)
 */
export function slicePath(slice: string): string | undefined {
  const match = /^([^/\s]*)\.slice$/.exec(slice);
  const [, stem = ""] = match ?? [];
  if (match === null || (stem !== "-" && (stem === "" || stem.startsWith("-") || stem.endsWith("-") || stem.includes("--"))))
    return undefined;
  if (stem === "-") return "";
  return stem
    .split("-")
    .map((_, index, parts) => `/${parts.slice(0, index + 1).join("-")}.slice`)
    .join("");
}
