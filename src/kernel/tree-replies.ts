import { constants } from "node:os";
import type { ByteString } from "../core/byte-string.ts";
import { byteString, decodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { EntryType, FileTime, Xattrs } from "./tree-records.ts";
import { frameHeader, frameTypes } from "./tree-records.ts";

/** What STAT and WALK tell of an entry. */
export interface TreeEntry {
  /** WALK: relative to the walked directory; STAT: as asked. */
  readonly path: ByteString;
  readonly type: Exclude<EntryType, "hardlink">;
  /** Permission and set-id bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Of a device node. */
  readonly major: number;
  readonly minor: number;
  readonly mtime: FileTime;
  readonly size: number;
  readonly allocatedBytes: number;
  readonly inode: bigint;
  readonly device: bigint;
  readonly target: ByteString;
  readonly xattrs: Xattrs;
}

export interface TreeFrame {
  readonly type: number;
  readonly payload: Buffer;
}

const typesByBits: Readonly<Record<number, TreeEntry["type"]>> = {
  0o100000: "file",
  0o040000: "directory",
  0o120000: "symlink",
  0o020000: "character",
  0o060000: "block",
  0o010000: "fifo",
  0o140000: "socket",
};

/** Where an entry's first text begins, after numbers of fixed size and its length (docs/tree-protocol.md, section 4). */
const pathAt = 72;

/** Called for every file of a tree: numbers are read in place, by one view. */
export function decodeEntry(payload: Buffer): TreeEntry {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): number => u32(at) + u32(at + 4) * 2 ** 32;
  const text = (at: number, length: number): ByteString => payload.toString("latin1", at, at + length) as ByteString;
  const bits = u32(0);
  const pathLength = u32(68);
  const targetAt = pathAt + pathLength + 1;
  const targetLength = u32(targetAt);
  let at = targetAt + 4 + targetLength + 1;
  const xattrs = new Map<ByteString, ByteString>();
  let count = u32(at);
  for (at += 4; count > 0; count--) {
    const nameLength = u32(at);
    const valueAt = at + 4 + nameLength + 1;
    const valueLength = u32(valueAt);
    xattrs.set(text(at + 4, nameLength), text(valueAt + 4, valueLength));
    at = valueAt + 4 + valueLength;
  }
  return {
    path: text(pathAt, pathLength),
    type: typesByBits[bits & 0o170000] ?? "file",
    mode: bits & 0o7777,
    uid: u32(4),
    gid: u32(8),
    links: u32(12),
    major: u32(16),
    minor: u32(20),
    mtime: { seconds: u32(24) + view.getInt32(28, true) * 2 ** 32, nanos: u32(32) },
    size: u64(36),
    allocatedBytes: u64(44),
    inode: view.getBigUint64(52, true),
    device: view.getBigUint64(60, true),
    target: text(targetAt + 4, targetLength),
    xattrs,
  };
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<TreeFrame> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length >= at + frameHeader) {
      const payload = at + frameHeader;
      const end = payload + bytes.readUInt32LE(at);
      if (bytes.length < end) break;
      yield { type: bytes[at + 4] ?? 0, payload: bytes.subarray(payload, end) };
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

const errnoNames = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The error that an ERROR frame means: code TREE_FAILED, with `errno` (its name), `call` and `path` in its details. */
export function treeError(frame: TreeFrame): EngineError {
  const number = frame.payload.readInt32LE(4);
  const detail = byteString(frame.payload.subarray(8));
  const errno = errnoNames.get(number) ?? String(number);
  // "CALL PATH"; a call may be two words ("look up"), a path begins after the call that we know of.
  const match = /^(look up|read directory|read data of|shift ids of|[a-z0-9_]+) (.*)$/s.exec(detail);
  const call = match?.[1] ?? "tree operation";
  const path = decodeText((match?.[2] ?? detail) as ByteString);
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  return new EngineError({
    kind: full ? "resourceExhausted" : "internal",
    code: "TREE_FAILED",
    message: `${call} \`${path}\`: ${errorTexts[errno] ?? errno}`,
    details: { errno, call, path, index: frame.payload.readUInt32LE(0), detail: decodeText(detail) },
  });
}

const errorTexts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "in use (a mount point?)",
  EEXIST: "exists already",
  EISDIR: "is a directory",
  ELOOP: "a symbolic link is in the way",
  ENAMETOOLONG: "name too long",
  ENODATA: "the archive ends too early",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EDQUOT: "disk quota exceeded",
  EOPNOTSUPP: "not supported by this file system",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  EXDEV: "lies on another mount or outside the root",
};

export function isReply(type: number): boolean {
  return type === frameTypes.done || type === frameTypes.error;
}
