import { closeSync, constants, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { callTree } from "./tree-call.ts";
import { RecordWriter, treeFd } from "./tree-records.ts";

/**
 * Moves the owners `from … from+count-1` of everything in `root` to `to …`, keeping modes and file capabilities (which then
 * count in the user namespace whose root is `to`). For kernels without id-mapped mounts. Repeatable: the ranges must not overlap.
 * @throws {EngineError} TREE_FAILED
 */
export function chownTree(
  launcher: string,
  root: HostPath,
  shift: { readonly from: number; readonly to: number; readonly count: number },
): void {
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const writer = new RecordWriter();
    writer.chown(treeFd(0), shift);
    callTree(launcher, [fd], writer);
  } finally {
    closeSync(fd);
  }
}
