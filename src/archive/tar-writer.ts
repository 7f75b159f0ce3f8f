import { type ByteString, bytesOf } from "../core/byte-string.ts";
import type { FileTime, Xattrs } from "../kernel/tree-records.ts";
import { formatPax, formatTime } from "./pax-records.ts";
import { invalidTar, type TarEntryType } from "./tar-entry.ts";
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
  const directory = member.type === "directory" && !member.path.endsWith("/");
  const path = (directory ? `${member.path}/` : member.path) as ByteString;
  const target = member.target ?? ("" as ByteString);
  const records: string[] = [];
  const name = splitName(path);
  if (name === undefined) records.push(formatPax("path", path));
  if (target.length > 100) records.push(formatPax("linkpath", target));
  if (member.uid > maxOctal(7)) records.push(formatPax("uid", String(member.uid)));
  if (member.gid > maxOctal(7)) records.push(formatPax("gid", String(member.gid)));
  if (member.size > maxOctal(11)) records.push(formatPax("size", String(member.size)));
  const { seconds, nanos } = member.mtime;
  if (nanos !== 0 || seconds < 0 || seconds > maxOctal(11)) records.push(formatPax("mtime", formatTime(member.mtime)));
  for (const [key, value] of [...(member.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key.includes("=")) throw invalidTar(`an xattr whose name holds \`=\` (${key})`, member.path);
    records.push(formatPax(`SCHILY.xattr.${key}`, value));
  }
  const header = encodeBlock(member, {
    name: name ?? { prefix: "", name: path.slice(0, 100) },
    target: target.slice(0, 100),
    typeflag: typeflags[member.type],
  });
  if (records.length === 0) return header;
  const data = bytesOf(records.join("") as ByteString);
  const extended = encodeBlock(
    { ...member, mode: 0o644, uid: 0, gid: 0, size: data.length, mtime: { seconds: 0, nanos: 0 }, major: 0, minor: 0 },
    { name: { prefix: "", name: `PaxHeaders/${path.replace(/\/$/, "").replace(/^.*\//s, "")}`.slice(0, 100) }, target: "", typeflag: "x" },
  );
  return Buffer.concat([extended, data, padding(data.length), header]);
}

/** The zeros between `size` bytes of data and the next header. */
export function padding(size: number): Buffer {
  return tarEnd.subarray(0, (blockSize - (size % blockSize)) % blockSize);
}

interface Names {
  readonly name: { readonly prefix: string; readonly name: string };
  readonly target: string;
  readonly typeflag: string;
}

function encodeBlock(member: TarMember, names: Names): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(names.name.name, 0, "latin1");
  block.write(octal(member.mode & 0o7777, 7), 100, "latin1");
  block.write(octal(member.uid, 7), 108, "latin1");
  block.write(octal(member.gid, 7), 116, "latin1");
  block.write(octal(member.size, 11), 124, "latin1");
  block.write(octal(Math.max(0, member.mtime.seconds), 11), 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write(names.typeflag, 156, "latin1");
  block.write(names.target, 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(octal(member.major ?? 0, 7), 329, "latin1");
  block.write(octal(member.minor ?? 0, 7), 337, "latin1");
  block.write(names.name.prefix, 345, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return block;
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

/** What does not fit stands in the PAX header; here zeros. */
function octal(value: number, digits: number): string {
  return (value > maxOctal(digits) ? 0 : value).toString(8).padStart(digits, "0");
}
