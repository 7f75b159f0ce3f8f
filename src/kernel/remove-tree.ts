import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { HostPath } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { callTree } from "./tree-call.ts";
import { RecordWriter, recordCodes, recordFlags, treeFd } from "./tree-records.ts";

/**
 * Removes a directory or file of Wherry's own and all beneath it: any name, any depth, immutable entries too, never crossing a
 * mount. Nothing there is fine. Synchronous, about 1 ms and the unlinking itself.
 * @throws {EngineError} TREE_FAILED; what could be removed is gone.
 */
export function removeTree(launcher: string, path: HostPath): void {
  removeTrees(launcher, [path]);
}

/** The same for several paths in one call. */
export function removeTrees(launcher: string, paths: readonly HostPath[]): void {
  const writer = new RecordWriter();
  const descriptors: number[] = [];
  try {
    for (const path of paths) {
      const parent = openDirectory(dirname(path));
      if (parent === undefined) continue;
      writer.named(recordCodes.remove, treeFd(descriptors.push(parent) - 1), encodeText(basename(path)), recordFlags.missing);
    }
    if (writer.records > 0) callTree(launcher, descriptors, writer);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
