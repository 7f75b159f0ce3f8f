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

export function decodeEntry(payload: Buffer): TreeEntry {
  let at = 0;
  const u32 = () => {
    at += 4;
    return payload.readUInt32LE(at - 4);
  };
  const u64 = () => u32() + u32() * 2 ** 32;
  const big = () => {
    at += 8;
    return payload.readBigUInt64LE(at - 8);
  };
  const bytes = (trailer: number) => {
    const length = u32();
    at += length + trailer;
    return payload.toString("latin1", at - length - trailer, at - trailer) as ByteString;
  };
  const bits = u32();
  const [uid, gid, links, major, minor] = [u32(), u32(), u32(), u32(), u32()];
  const seconds = u32() + (u32() | 0) * 2 ** 32;
  const nanos = u32();
  const [size, allocatedBytes, inode, device] = [u64(), u64(), big(), big()];
  const [path, target] = [bytes(1), bytes(1)];
  const xattrs = new Map<ByteString, ByteString>();
  for (let count = u32(); count > 0; count--) {
    const name = bytes(1);
    xattrs.set(name, bytes(0));
  }
  const type = typesByBits[bits & 0o170000] ?? "file";
  return {
    path,
    type,
    mode: bits & 0o7777,
    uid,
    gid,
    links,
    major,
    minor,
    mtime: { seconds, nanos },
    size,
    allocatedBytes,
    inode,
    device,
    target,
    xattrs,
  };
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<TreeFrame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= frameHeader) {
      const end = frameHeader + bytes.readUInt32LE(0);
      if (bytes.length < end) break;
      yield { type: bytes[4] ?? 0, payload: bytes.subarray(frameHeader, end) };
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
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
