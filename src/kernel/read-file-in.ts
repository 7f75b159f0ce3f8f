import { closeSync, constants, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { callTree } from "./tree-call.ts";
import { frameTypes, RecordWriter, recordFlags, treeFd } from "./tree-records.ts";

/**
 * The bytes (at most `limitBytes`, default 1 MiB) of a regular file beneath `root`, symlinks followed inside it; empty when there is none,
 * or something else in its place: what a container makes of its files must not forbid us to enter it.
 * @throws {EngineError} TREE_FAILED
 */
export function readFileIn(launcher: string, root: HostPath, path: ByteString, limitBytes = 1024 * 1024): Buffer {
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const writer = new RecordWriter();
    writer.read(treeFd(0), path, limitBytes, recordFlags.follow | recordFlags.missing);
    const chunks: Buffer[] = [];
    for (const frame of callTree(launcher, [fd], writer)) {
      if (frame.type === frameTypes.data) chunks.push(frame.payload);
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(fd);
  }
}
