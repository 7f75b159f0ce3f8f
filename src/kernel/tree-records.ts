import { type ByteString, decodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";

/** Number of a descriptor in the launcher's process: the first one passed at its start is 4. */
export type TreeFd = number & { readonly treeFd: true };

export function treeFd(index: number): TreeFd {
  return (4 + index) as TreeFd;
}

/** Largest payload of a frame, either direction (docs/tree-protocol.md). */
export const frameMax = 256 * 1024;
export const frameHeader = 8;
/** Leaves room for what is in the frame already: one is sent once it has 48 KiB. */
const recordMax = 200 * 1024;

export const frameTypes = { error: 16, records: 32, done: 48, entry: 49, data: 50, result: 51 } as const;
export const recordCodes = { make: 1, set: 2, remove: 3, chown: 4, sync: 5, read: 16, stat: 17, walk: 18, copy: 19 } as const;
export const recordFlags = {
  replace: 1,
  parents: 2,
  hardlink: 4,
  follow: 8,
  lenient: 16,
  missing: 32,
  noXattrs: 64,
  nofollow: 128,
  kind: 256,
  flat: 512,
  from: 1024,
} as const;
const masks = { owner: 1, mode: 2, mtime: 4 } as const;

/** Whole seconds and nanoseconds (0 to 999,999,999), so that times before 1970 keep their sense. */
export interface FileTime {
  readonly seconds: number;
  readonly nanos: number;
}

export type Xattrs = ReadonlyMap<ByteString, ByteString>;

/** What SET changes; absent is left as it is. */
export interface EntryMetadata {
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission and set-id bits. */
  readonly mode?: number;
  readonly mtime?: FileTime;
  readonly xattrs?: Xattrs;
}

export interface DataSegment {
  readonly fd: TreeFd;
  readonly offset: number;
  readonly length: number;
  readonly fileOffset: number;
}

export interface NewEntry extends EntryMetadata {
  readonly path: ByteString;
  readonly type: EntryType;
  /** Symlink target, or the path of the entry that a hard link shares. */
  readonly target?: ByteString;
  readonly major?: number;
  readonly minor?: number;
  readonly size?: number;
  readonly segments?: readonly DataSegment[];
}

export type EntryType = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo" | "socket";

export const typeBits: Readonly<Record<EntryType, number>> = {
  file: 0o100000,
  hardlink: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
};

/** Encodes records into frames. A record is begun, written and ended; `take` gives the frame that holds all of them. */
export class RecordWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #used = frameHeader;
  #record = 0;
  #index = 0;

  get records(): number {
    return this.#index;
  }

  /** Bytes of payload so far. */
  get size(): number {
    return this.#used - frameHeader;
  }

  take(): Buffer {
    const frame = this.#buffer.subarray(0, this.#used);
    frame.writeUInt32LE(this.size, 0);
    frame.writeUInt32LE(frameTypes.records, 4);
    this.#buffer = Buffer.allocUnsafe(64 * 1024);
    this.#used = frameHeader;
    this.#index = 0;
    return frame;
  }

  make(root: TreeFd, entry: NewEntry, flags: number): void {
    this.#begin(recordCodes.make, entry.type === "hardlink" ? flags | recordFlags.hardlink : flags);
    this.#u32(root);
    this.#metadata(entry, typeBits[entry.type]);
    this.#u32(entry.major ?? 0);
    this.#u32(entry.minor ?? 0);
    this.#text(entry.path);
    this.#text(entry.target ?? "");
    this.#xattrs(entry.xattrs);
    this.#u64(entry.size ?? 0);
    const segments = entry.segments ?? [];
    this.#u32(segments.length);
    for (const segment of segments) {
      this.#u32(segment.fd);
      this.#u64(segment.offset);
      this.#u64(segment.length);
      this.#u64(segment.fileOffset);
    }
    this.#end(entry.path);
  }

  set(root: TreeFd, path: ByteString, metadata: EntryMetadata, flags: number): void {
    this.#begin(recordCodes.set, flags);
    this.#u32(root);
    this.#metadata(metadata, 0);
    this.#text(path);
    this.#xattrs(metadata.xattrs);
    this.#end(path);
  }

  /** REMOVE, STAT or WALK. */
  named(code: number, root: TreeFd, path: ByteString, flags: number): void {
    this.#begin(code, flags);
    this.#u32(root);
    this.#text(path);
    this.#end();
  }

  sync(root: TreeFd): void {
    this.#begin(recordCodes.sync, 0);
    this.#u32(root);
    this.#end();
  }

  chown(root: TreeFd, shift: { readonly from: number; readonly to: number; readonly count: number }): void {
    this.#begin(recordCodes.chown, 0);
    this.#u32(root);
    this.#u32(shift.from);
    this.#u32(shift.to);
    this.#u32(shift.count);
    this.#end();
  }

  read(root: TreeFd, path: ByteString, limit: number, flags: number): void {
    this.#begin(recordCodes.read, flags);
    this.#u32(root);
    this.#u64(limit);
    this.#text(path);
    this.#end();
  }

  copy(
    root: TreeFd,
    path: ByteString,
    to: { readonly fd: TreeFd; readonly offset: number; readonly length: number; readonly missingOk?: boolean },
  ): void {
    this.#begin(recordCodes.copy, to.missingOk === true ? recordFlags.missing : 0);
    this.#u32(root);
    this.#u32(to.fd);
    this.#u64(to.offset);
    this.#u64(to.length);
    this.#text(path);
    this.#end();
  }

  #metadata(metadata: EntryMetadata, type: number): void {
    this.#u32(type | (metadata.mode ?? 0));
    this.#u32(metadata.owner?.uid ?? 0);
    this.#u32(metadata.owner?.gid ?? 0);
    const owner = metadata.owner === undefined ? 0 : masks.owner;
    const mode = metadata.mode === undefined ? 0 : masks.mode;
    this.#u32(owner | mode | (metadata.mtime === undefined ? 0 : masks.mtime));
    this.#u64(metadata.mtime?.seconds ?? 0);
    this.#u32(metadata.mtime?.nanos ?? 0);
  }

  #xattrs(xattrs: Xattrs | undefined): void {
    this.#u32(xattrs?.size ?? 0);
    for (const [name, value] of xattrs ?? []) {
      this.#text(name);
      this.#u32(value.length);
      this.#bytes(value);
    }
  }

  #begin(code: number, flags: number): void {
    this.#record = this.#used;
    this.#u32(code | (flags << 16));
    this.#u32(0);
  }

  /** A record that no frame would take is dropped. @throws {EngineError} TREE_FAILED, errno E2BIG */
  #end(path = "" as ByteString): void {
    const length = this.#used - this.#record;
    if (length > recordMax) {
      this.#used = this.#record;
      const shown = decodeText(path);
      throw new EngineError({
        kind: "invalidArgument",
        code: "TREE_FAILED",
        message: `make \`${shown}\`: too many extended attributes, or too many pieces of a sparse file`,
        details: { errno: "E2BIG", call: "make", path: shown },
      });
    }
    this.#buffer.writeUInt32LE(length, this.#record + 4);
    this.#index++;
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used + bytes));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }

  #u32(value: number): void {
    this.#room(4);
    this.#used = this.#buffer.writeUInt32LE(value >>> 0, this.#used);
  }

  /** Also negative ones (times), as two's complement; exact up to 2^53. */
  #u64(value: number): void {
    this.#u32((value % 2 ** 32) | 0);
    this.#u32(Math.floor(value / 2 ** 32) | 0);
  }

  #text(value: string): void {
    this.#u32(value.length);
    this.#bytes(value);
    this.#room(1);
    this.#buffer[this.#used++] = 0;
  }

  #bytes(value: string): void {
    this.#room(value.length);
    this.#used += this.#buffer.write(value, this.#used, "latin1");
  }
}
