import { closeSync, constants, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { callTree } from "./tree-call.ts";
import { frameTypes, RecordWriter, recordCodes, recordFlags, treeFd } from "./tree-records.ts";
import { decodeEntry } from "./tree-replies.ts";

/**
 * Notes owner, mode, time and xattrs of one entry of a directory; what is returned gives them to another, so that the times are those of
 * before whatever is done in between. Two calls of the launcher.
 * @throws {EngineError} TREE_FAILED
 */
export function copyMetadata(
  launcher: string,
  directory: HostPath,
  { from, to }: { readonly from: string; readonly to: string },
): () => void {
  const call = (fill: (writer: RecordWriter) => void) => {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const writer = new RecordWriter();
      fill(writer);
      return callTree(launcher, [fd], writer);
    } finally {
      closeSync(fd);
    }
  };
  const found = call((writer) => writer.named(recordCodes.stat, treeFd(0), encodeText(from), 0)).find(
    ({ type }) => type === frameTypes.entry,
  );
  if (found === undefined) return () => undefined;
  const { uid, gid, mode, mtime, xattrs } = decodeEntry(found.payload);
  return () => {
    call((writer) => writer.set(treeFd(0), encodeText(to), { owner: { uid, gid }, mode, mtime, xattrs }, recordFlags.lenient));
  };
}
