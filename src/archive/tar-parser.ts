import type { ByteString } from "../core/byte-string.ts";
import type { Xattrs } from "../kernel/tree-records.ts";
import type { PaxRecords } from "./pax-records.ts";
import { parsePax, paxNumber, paxTime } from "./pax-records.ts";
import type { TarEntry, TarEntryType } from "./tar-entry.ts";
import { cleanPath, invalidTar } from "./tar-entry.ts";
import type { TarHeader } from "./tar-header.ts";
import { blockSize, parseHeader } from "./tar-header.ts";
import { gnuSparse, paxSparse, type SparseMap, sparseSegments } from "./tar-sparse.ts";

/**
 * What the parser asks of whoever feeds it: the next `length` bytes (`read`; fewer at the end of the input; it looks at them until the next step
 * only), to go on behind `length` bytes (`skip`), or to take an entry, whose data comes next and is skipped afterwards.
 */
export type TarStep =
  | { readonly kind: "read"; readonly length: number }
  | { readonly kind: "skip"; readonly length: number }
  | { readonly kind: "entry"; readonly entry: TarEntry };

const types: Readonly<Record<string, TarEntryType>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  D: "directory",
  "6": "fifo",
};

/** PAX headers and long names beyond this are refused. */
const maxExtension = 1024 * 1024;

interface Extensions {
  records: PaxRecords;
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
}

/**
 * Parses a tar archive (V7, ustar, PAX, GNU) without doing any input itself, so that one parser serves files and streams.
 * Hostile input ends in TAR_INVALID: names that leave the root, numbers out of range, extensions beyond 1 MiB, a truncated
 * archive. The end is two blocks of zeros, or the end of the input before a header.
 */
export function* parseTar(): Generator<TarStep, void, Buffer> {
  const global: PaxRecords = new Map();
  let extensions: Extensions = { records: new Map(global), longName: undefined, longLink: undefined };
  /** The next member has some of its own. */
  let isExtended = false;
  let position = 0;
  let count = 0;
  let name = "";
  function* read(length: number): Generator<{ readonly kind: "read"; readonly length: number }, Buffer, Buffer> {
    const bytes = yield { kind: "read", length };
    position += bytes.length;
    if (bytes.length < length) throw invalidTar("the archive ends too early", name);
    return bytes;
  }
  for (;;) {
    const block: Buffer = yield { kind: "read", length: blockSize };
    if (block.length === 0) return;
    position += block.length;
    if (block.length < blockSize) throw invalidTar(count === 0 ? "not a tar archive" : "the archive ends too early", name);
    const header = parseHeader(block);
    if (header === null) return;
    count++;
    name = extensions.longName ?? header.name;
    if (header.size < 0) throw invalidTar("a negative size", name);
    if ("gxLK".includes(header.typeflag)) {
      isExtended = true;
      yield* readExtension(header, read, { global, extensions });
      if (header.typeflag === "g") extensions.records = new Map([...global, ...extensions.records]);
      continue;
    }
    const { records } = extensions;
    name = value(records, "GNU.sparse.name") ?? value(records, "path") ?? name;
    const type = header.typeflag === "V" ? undefined : types[header.typeflag];
    if (type === undefined && header.typeflag !== "V")
      throw invalidTar(`an unknown type of entry (${JSON.stringify(header.typeflag)})`, name);
    const size = value(records, "size") === undefined ? header.size : paxNumber(value(records, "size") ?? "", name);
    const stored = type === "file" || header.typeflag === "D" || header.typeflag === "V" ? size : 0;
    const start = position;
    if (type !== undefined) {
      let sparse: SparseMap | undefined;
      if (header.typeflag === "S") sparse = yield* gnuSparse(block, read, name);
      // The map of an old GNU file stands before its data, that of PAX 1.0 is the first part of it.
      const dataStart = header.typeflag === "S" ? position : start;
      if (type === "file" && header.typeflag !== "S" && records.size > 0) sparse = yield* paxSparse(records, read, name);
      yield { kind: "entry", entry: toEntry({ header, extensions, name, type, sparse, stored: { offset: dataStart, size: stored } }) };
      const skip = dataStart + Math.ceil(stored / blockSize) * blockSize - position;
      if (skip < 0) throw invalidTar("a sparse map of more data than is stored", name);
      yield { kind: "skip", length: skip };
      position += skip;
    } else {
      const skip = Math.ceil(stored / blockSize) * blockSize;
      yield { kind: "skip", length: skip };
      position += skip;
    }
    if (isExtended) extensions = { records: new Map(global), longName: undefined, longLink: undefined };
    isExtended = false;
    name = "";
  }
}

function* readExtension(
  header: TarHeader,
  read: (length: number) => Generator<{ readonly kind: "read"; readonly length: number }, Buffer, Buffer>,
  state: { readonly global: PaxRecords; readonly extensions: Extensions },
): Generator<TarStep, void, Buffer> {
  if (header.size > maxExtension) throw invalidTar(`an extended header of ${header.size} bytes`, header.name);
  const data = (yield* read(Math.ceil(header.size / blockSize) * blockSize)).subarray(0, header.size);
  switch (header.typeflag) {
    case "g":
      parsePax(data, state.global, header.name);
      break;
    case "x":
      parsePax(data, state.extensions.records, header.name);
      break;
    default: {
      const end = data.indexOf(0);
      const text = data.toString("latin1", 0, end < 0 ? data.length : end) as ByteString;
      if (header.typeflag === "L") state.extensions.longName = text;
      else state.extensions.longLink = text;
    }
  }
}

/** POSIX: an empty value means that the record is not there. */
function value(records: PaxRecords, key: string): ByteString | undefined {
  const found = records.get(key);
  return found === "" ? undefined : found;
}

interface Parts {
  readonly header: TarHeader;
  readonly extensions: Extensions;
  readonly name: string;
  readonly type: TarEntryType;
  readonly sparse: SparseMap | undefined;
  readonly stored: { readonly offset: number; readonly size: number };
}

function toEntry(parts: Parts): TarEntry {
  const { header, name, stored } = parts;
  const { records, longLink } = parts.extensions;
  const number = (key: string, fallback: number) => {
    const text = value(records, key);
    const found = text === undefined ? fallback : paxNumber(text, name);
    if (found < 0 || found > 0xffff_fffe) throw invalidTar(`an absurd ${key} (${found})`, name);
    return found;
  };
  const mtime = value(records, "mtime");
  // Archives from before 1988 mark a directory by a slash alone.
  const type = parts.type === "file" && header.typeflag !== "7" && name.endsWith("/") ? "directory" : parts.type;
  const size = type === "file" ? (parts.sparse?.size ?? stored.size) : 0;
  return {
    path: cleanPath(name as ByteString),
    type,
    mode: header.mode,
    uid: number("uid", header.uid),
    gid: number("gid", header.gid),
    mtime: mtime === undefined ? { seconds: header.mtime, nanos: 0 } : paxTime(mtime, name),
    size,
    target: targetOf(value(records, "linkpath") ?? longLink ?? header.linkname, type, name),
    major: device(header.major, name),
    minor: device(header.minor, name),
    xattrs: records.size === 0 ? noXattrs : xattrsOf(records),
    segments: type !== "file" || size === 0 ? [] : segmentsOf(parts, size),
  };
}

const noXattrs: Xattrs = new Map();

function xattrsOf(records: PaxRecords): Xattrs {
  const xattrs = new Map<ByteString, ByteString>();
  for (const [key, text] of records) {
    if (key.startsWith("SCHILY.xattr.") && !key.includes("\0")) xattrs.set(key.slice(13) as ByteString, text);
  }
  return xattrs;
}

function segmentsOf(parts: Parts, size: number): TarEntry["segments"] {
  if (parts.sparse !== undefined) return sparseSegments(parts.sparse, parts.stored, parts.name);
  return [{ offset: parts.stored.offset, length: size, fileOffset: 0 }];
}

function device(number: number, name: string): number {
  if (number < 0 || number > 0xffff_ffff) throw invalidTar(`an absurd device number (${number})`, name);
  return number;
}

function targetOf(target: ByteString, type: TarEntryType, name: string): ByteString {
  if (type !== "symlink" && type !== "hardlink") return "" as ByteString;
  if (target === "" || target.length > 4095 || target.includes("\0")) throw invalidTar("a link with an impossible target", name);
  return type === "hardlink" ? cleanPath(target) : target;
}
