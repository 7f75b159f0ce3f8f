import type { ByteString } from "../core/byte-string.ts";
import type { FileTime, Xattrs } from "../kernel/tree-records.ts";
import { formatPax, formatTime } from "./pax-records.ts";
import { cleanPath, invalidTar, type TarEntry, type TarEntryType } from "./tar-entry.ts";
import { blockSize } from "./tar-header.ts";

export interface TarMember {
  readonly path: ByteString;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  /** Bytes of data that follow the header; only a file has any. */
  readonly size: number;
  readonly target?: ByteString;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Xattrs;
}

const typeflags: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** What stands at the end of an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);

/**
 * The header blocks of a member: ustar, before it a PAX header for what ustar can't hold (long names, big numbers, nanoseconds,
 * xattrs). The same member gives the same bytes.
 * @throws {EngineError} TAR_INVALID for an xattr whose name PAX can't write.
 * @see POSIX pax, "ustar Interchange Format" and "pax Extended Header"
 */
export function encodeHeader(member: TarMember): Buffer {
  const header = new TarHeader(member);
  const bytes = Buffer.allocUnsafe(header.length);
  header.put(bytes, 0);
  return bytes;
}

/** A header to be put where it belongs; `encodeHeader` tells more. @throws {EngineError} as that */
export class TarHeader {
  /** Whole blocks. */
  readonly length: number;
  readonly #member: TarMember;
  readonly #path: string;
  readonly #name: { readonly prefix: string; readonly name: string } | undefined;
  readonly #records: string;

  constructor(member: TarMember) {
    this.#member = member;
    this.#path = member.type === "directory" && !member.path.endsWith("/") ? `${member.path}/` : member.path;
    this.#name = splitName(this.#path);
    this.#records = paxRecords(member, this.#name === undefined ? this.#path : undefined);
    const extended = this.#records.length === 0 ? 0 : blockSize + Math.ceil(this.#records.length / blockSize) * blockSize;
    this.length = extended + blockSize;
  }

  /** Writes all of its bytes. */
  put(into: Buffer, at: number): void {
    const member = this.#member;
    const extended = this.length - blockSize;
    if (extended > 0) {
      const end = member.path.endsWith("/") ? member.path.length - 1 : member.path.length;
      const last = member.path.slice(member.path.lastIndexOf("/", end - 1) + 1, end);
      encodeBlock(into, at, {
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: this.#records.length,
        seconds: 0,
        major: 0,
        minor: 0,
        prefix: "",
        name: `PaxHeaders/${last}`.slice(0, 100),
        target: "",
        typeflag: "x",
      });
      const written = into.write(this.#records, at + blockSize, "latin1");
      into.fill(0, at + blockSize + written, at + extended);
    }
    encodeBlock(into, at + extended, {
      mode: member.mode,
      uid: member.uid,
      gid: member.gid,
      size: member.size,
      seconds: member.mtime.seconds,
      major: member.major ?? 0,
      minor: member.minor ?? 0,
      prefix: this.#name?.prefix ?? "",
      name: this.#name?.name ?? this.#path.slice(0, 100),
      target: (member.target ?? "").slice(0, 100),
      typeflag: typeflags[member.type],
    });
  }
}

/** What ustar can't hold of a member; `path` when it is of that. */
function paxRecords(member: TarMember, path: string | undefined): string {
  const { target = "" } = member;
  let records = path === undefined ? "" : formatPax("path", path);
  if (target.length > 100) records += formatPax("linkpath", target);
  if (member.uid > maxOctal(7)) records += formatPax("uid", String(member.uid));
  if (member.gid > maxOctal(7)) records += formatPax("gid", String(member.gid));
  if (member.size > maxOctal(11)) records += formatPax("size", String(member.size));
  const { seconds, nanos } = member.mtime;
  if (nanos !== 0 || seconds < 0 || seconds > maxOctal(11)) records += formatPax("mtime", formatTime(member.mtime));
  if (member.xattrs === undefined || member.xattrs.size === 0) return records;
  for (const [key, value] of [...member.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key.includes("=")) throw invalidTar(`an xattr whose name holds \`=\` (${key})`, member.path);
    records += formatPax(`SCHILY.xattr.${key}`, value);
  }
  return records;
}

/**
 * What reading the member back gives, with its data at that offset of the archive.
 * @throws {EngineError} TAR_INVALID for a name that no reader takes.
 */
export function toEntry(member: TarMember, dataOffset: number): TarEntry {
  const { path, type, mode, uid, gid, mtime, size, target = "" as ByteString, major = 0, minor = 0, xattrs = noXattrs } = member;
  return {
    path: cleanPath(path),
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    mtime,
    size,
    target,
    major,
    minor,
    xattrs,
    segments: size === 0 ? [] : [{ offset: dataOffset, length: size, fileOffset: 0 }],
  };
}

const noXattrs: Xattrs = new Map();

/** The zeros between `size` bytes of data and the next header. */
export function padding(size: number): Buffer {
  return tarEnd.subarray(0, (blockSize - (size % blockSize)) % blockSize);
}

/** The fields of a block; names of as many bytes as it has room for. */
interface Block {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly typeflag: string;
  readonly target: string;
  readonly major: number;
  readonly minor: number;
}

/** A block with nothing but zeros for numbers, and what its bytes add up to with eight spaces for the checksum. */
const emptyBlock = Buffer.alloc(blockSize);
for (const [at, text] of [
  [100, "0000000\x000000000\x000000000\x0000000000000\x0000000000000\x00        "],
  [257, "ustar\x0000"],
  [329, "0000000\x000000000"],
] as const)
  emptyBlock.write(text, at, "latin1");
const emptySum = sumBytes(emptyBlock, 0, blockSize);

/** Once or twice for every file: what nearly all have is copied, and the rest is summed where it is put. */
function encodeBlock(into: Buffer, at: number, block: Block): void {
  const { name, prefix, target } = block;
  emptyBlock.copy(into, at);
  into.write(name, at, "latin1");
  const typeflag = block.typeflag.charCodeAt(0);
  into[at + 156] = typeflag;
  let sum = emptySum + typeflag + sumBytes(into, at, name.length);
  sum += putOctal(into, at + 100, 7, block.mode & 0o7777);
  sum += putOctal(into, at + 108, 7, block.uid);
  sum += putOctal(into, at + 116, 7, block.gid);
  sum += putOctal(into, at + 124, 11, block.size);
  sum += putOctal(into, at + 136, 11, block.seconds);
  sum += putOctal(into, at + 329, 7, block.major);
  sum += putOctal(into, at + 337, 7, block.minor);
  if (target !== "") sum += sumBytes(into, at + 157, into.write(target, at + 157, "latin1"));
  if (prefix !== "") sum += sumBytes(into, at + 345, into.write(prefix, at + 345, "latin1"));
  into.write(`${sum.toString(8).padStart(6, "0")}\0`, at + 148, "latin1");
}

function sumBytes(bytes: Buffer, from: number, length: number): number {
  let sum = 0;
  for (let at = from; at < from + length; at++) sum += bytes[at] ?? 0;
  return sum;
}

/** As ustar stores it: up to 100 bytes, or split at a slash into a prefix of up to 155 and the rest; undefined when neither will do. */
function splitName(path: string): { readonly prefix: string; readonly name: string } | undefined {
  if (path.length <= 100) return { prefix: "", name: path };
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function maxOctal(digits: number): number {
  return 8 ** digits - 1;
}

/** Over zeros; returns what they add up to more than those. What does not fit stands in the PAX header, and here nothing. */
function putOctal(into: Buffer, at: number, digits: number, value: number): number {
  if (value > maxOctal(digits)) return 0;
  let sum = 0;
  for (let rest = value, place = at + digits - 1; rest > 0; place--) {
    const digit = rest % 8;
    into[place] = 0x30 + digit;
    sum += digit;
    rest = (rest - digit) / 8;
  }
  return sum;
}
