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

const noXattrs: Xattrs = new Map();

export function decodeEntry(payload: Buffer): TreeEntry {
  return decodeEntryAt(payload, new DataView(payload.buffer, payload.byteOffset, payload.length), 0);
}

/** Called for every file of a tree: all is read in place, where the payload begins in what has been received, and by one view of that. */
function decodeEntryAt(bytes: Buffer, view: DataView, start: number): TreeEntry {
  const bits = view.getUint32(start, true);
  const pathStart = start + pathAt;
  const pathEnd = pathStart + view.getUint32(pathStart - 4, true);
  const targetStart = pathEnd + 5;
  const targetEnd = targetStart + view.getUint32(pathEnd + 1, true);
  const count = view.getUint32(targetEnd + 1, true);
  return {
    path: bytes.toString("latin1", pathStart, pathEnd) as ByteString,
    type: typesByBits[bits & 0o170000] ?? "file",
    mode: bits & 0o7777,
    uid: view.getUint32(start + 4, true),
    gid: view.getUint32(start + 8, true),
    links: view.getUint32(start + 12, true),
    major: view.getUint32(start + 16, true),
    minor: view.getUint32(start + 20, true),
    mtime: {
      seconds: view.getUint32(start + 24, true) + view.getInt32(start + 28, true) * 2 ** 32,
      nanos: view.getUint32(start + 32, true),
    },
    size: view.getUint32(start + 36, true) + view.getUint32(start + 40, true) * 2 ** 32,
    allocatedBytes: view.getUint32(start + 44, true) + view.getUint32(start + 48, true) * 2 ** 32,
    inode: view.getBigUint64(start + 52, true),
    device: view.getBigUint64(start + 60, true),
    target: (targetStart === targetEnd ? "" : bytes.toString("latin1", targetStart, targetEnd)) as ByteString,
    xattrs: count === 0 ? noXattrs : decodeXattrs(bytes, view, { at: targetEnd + 5, count }),
  };
}

/** What an ENTRY says. */
export function entryIn({ bytes, view, start }: FramePlace): TreeEntry {
  return decodeEntryAt(bytes, view, start);
}

function decodeXattrs(bytes: Buffer, view: DataView, from: { readonly at: number; readonly count: number }): Xattrs {
  const xattrs = new Map<ByteString, ByteString>();
  let { at } = from;
  for (let { count } = from; count > 0; count--) {
    const nameEnd = at + 4 + view.getUint32(at, true);
    const valueStart = nameEnd + 5;
    const valueEnd = valueStart + view.getUint32(nameEnd + 1, true);
    xattrs.set(bytes.toString("latin1", at + 4, nameEnd) as ByteString, bytes.toString("latin1", valueStart, valueEnd) as ByteString);
    at = valueEnd;
  }
  return xattrs;
}

/** A frame where it was received: its payload is `bytes` from `start` to `end`. */
export interface FramePlace {
  readonly type: number;
  readonly bytes: Buffer;
  /** Of all of `bytes`. */
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Calls `visit` for each frame that is whole by now, with the same object: nothing is made for each but what `visit` makes. */
  visit(chunk: Buffer, visit: (frame: FramePlace) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const frame = { type: 0, bytes, view, start: 0, end: 0 };
    let at = 0;
    while (bytes.length >= at + frameHeader) {
      const start = at + frameHeader;
      const end = start + view.getUint32(at, true);
      if (bytes.length < end) break;
      frame.type = view.getUint8(at + 4);
      frame.start = start;
      frame.end = end;
      visit(frame);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  push(chunk: Buffer): TreeFrame[] {
    const frames: TreeFrame[] = [];
    this.visit(chunk, (frame) => frames.push(takeFrame(frame)));
    return frames;
  }
}

/** To be kept: the payload shares the memory that it was received in. */
export function takeFrame({ type, bytes, start, end }: FramePlace): TreeFrame {
  return { type, payload: bytes.subarray(start, end) };
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
