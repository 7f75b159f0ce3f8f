import { type CgroupLayout, type CgroupPath, slicePath } from "../core/cgroup-layout.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";

/** Whose control group it is: its id, and the `--cgroup-parent` among its options. */
export type GroupOwner = Pick<ContainerRow, "id" | "options">;

/** A container's group where the user wants it, instead of beneath Wherry's own. */
export interface ParentedGroup {
  readonly path: CgroupPath;
  /** Under systemd: the scope that the group belongs to, and the slice that it is in. */
  readonly scope: { readonly unit: string; readonly slice: string } | null;
}

/**
 * The group that `--cgroup-parent` puts a container in, as docker's two cgroup drivers do: `PARENT/ID`, counted from the top of every
 * hierarchy; where systemd owns the tree, the parent is a slice, and the group a scope of its own in it. Null without that option.
 * @param instance unique to the data root
 * @throws {EngineError} INVALID_OPTION
 */
export function parentedGroup(layout: CgroupLayout, instance: string, { id, options }: GroupOwner): ParentedGroup | null {
  // Every command comes by here: most options need not be parsed for it.
  const parent = options.includes('"cgroupParent"') ? ((JSON.parse(options) as ContainerOptions).resources?.cgroupParent ?? "") : "";
  if (parent === "") return null;
  if (layout.systemd) {
    const slice = slicePath(parent);
    if (slice === undefined)
      throw invalidOption(`cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice", not \`${parent}\``);
    const unit = `${instance}-${id}.scope`;
    return { path: `${slice}/${unit}`, scope: { unit, slice: parent } };
  }
  const parts = parent.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || parent.includes("\n"))
    throw invalidOption(`invalid --cgroup-parent \`${parent}\`: a path without \`..\` is meant`);
  return { path: `/${[...parts, id].join("/")}`, scope: null };
}
