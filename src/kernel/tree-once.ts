import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { HostPath } from "../core/brands.ts";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import { frameTypes, RecordWriter, recordCodes, recordFlags, treeFd } from "./tree-records.ts";
import { FrameReader, type TreeFrame, treeError } from "./tree-replies.ts";

/**
 * Tree operations as one synchronous call of the launcher (about 1 ms), for the run path and for scripts of one or two steps.
 * Descriptors are opened and closed here.
 */

/** Removes `path` (a directory or file of Wherry's own) and all beneath, whatever is in it. Nothing there is fine. */
export function removeTree(launcher: HostPath, path: HostPath): void {
  removeTrees(launcher, [path]);
}

/** The same for several paths in one go. */
export function removeTrees(launcher: HostPath, paths: readonly HostPath[]): void {
  const writer = new RecordWriter();
  const descriptors: number[] = [];
  try {
    for (const path of paths) {
      const parent = openDirectory(dirname(path));
      if (parent === undefined) continue;
      writer.named(recordCodes.remove, treeFd(descriptors.push(parent) - 1), encodeText(basename(path)), recordFlags.missing);
    }
    if (writer.records > 0) call(launcher, descriptors, writer);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/**
 * The bytes (at most `limit`) of a regular file beneath `root`, symlinks followed inside it; undefined when there is none.
 * @throws {EngineError} TREE_FAILED
 */
export function readFileIn(launcher: HostPath, root: HostPath, path: ByteString, limit = 1024 * 1024): Buffer | undefined {
  const fd = openDirectory(root);
  if (fd === undefined) return undefined;
  try {
    const writer = new RecordWriter();
    writer.read(treeFd(0), path, limit, recordFlags.follow);
    const chunks: Buffer[] = [];
    for (const frame of call(launcher, [fd], writer)) if (frame.type === frameTypes.data) chunks.push(frame.payload);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof EngineError && (error.details["errno"] === "ENOENT" || error.details["errno"] === "ENOTDIR")) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Moves the owners of a whole tree by ranges (see TreeSession.chown). */
export function chownTree(launcher: HostPath, root: HostPath, shift: { readonly from: number; readonly to: number; readonly count: number }): void {
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const writer = new RecordWriter();
    writer.chown(treeFd(0), shift);
    call(launcher, [fd], writer);
  } finally {
    closeSync(fd);
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

/** Without a socket on descriptor 3 the launcher reads requests from 0 and answers on 1. */
function call(launcher: HostPath, descriptors: readonly number[], writer: RecordWriter): TreeFrame[] {
  const result = spawnSync(launcher, ["tree"], {
    stdio: ["pipe", "pipe", "inherit", "ignore", ...descriptors],
    input: writer.take(),
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  const frames = [...new FrameReader().push(result.stdout ?? Buffer.alloc(0))];
  const last = frames.at(-1);
  if (last?.type === frameTypes.error) throw treeError(last);
  if (last?.type !== frameTypes.done) {
    throw new EngineError({ kind: "internal", code: "TREE_LOST", message: "the launcher ended during tree operations", cause: result.error });
  }
  return frames;
}
