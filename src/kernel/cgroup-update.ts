import { readFileSync, writeFileSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import type { CgroupGroup } from "./cgroup-group.ts";

/** The group's present value of a controller's file, without the newline; empty when it has no such file. */
export function readCgroupFile(group: CgroupGroup, controller: string, file: string): string {
  const hierarchy = hierarchyOf(group.layout, controller);
  if (hierarchy === undefined) return "";
  try {
    return readFileSync(`${cgroupDirectory(hierarchy, group.path)}/${file}`, "utf8").trim();
  } catch {
    return "";
  }
}

/**
 * Writes new limits in the given order. The first refusal ends it; what was written before stays.
 * @throws {EngineError} CGROUP_UPDATE_FAILED naming limit and value.
 */
export function applyCgroupUpdate(updates: readonly { readonly option: string; readonly file: string; readonly value: string }[]): void {
  for (const { option, file, value } of updates) {
    try {
      writeFileSync(file, value);
    } catch (cause) {
      const reason = cause instanceof Error && "code" in cause ? explain(String(cause.code)) : String(cause);
      throw new EngineError({
        kind: "failedPrecondition",
        code: "CGROUP_UPDATE_FAILED",
        message: `set the limit \`${option}\` to \`${value}\`: ${reason}`,
        cause,
      });
    }
  }
}

function explain(errno: string): string {
  switch (errno) {
    case "EBUSY":
      return "more is in use at this moment, and the kernel can't take it back";
    case "EINVAL":
      return "the kernel refuses the value (memory may not be above memory plus swap; a child may not have more than its parent)";
    case "ENOENT":
      return "the container's control group is gone, or this kernel has no such limit";
    case "EACCES":
      return "this kernel has no such limit";
    default:
      return errno;
  }
}
