import type { TarSegment } from "../../archive/tar-entry.ts";
import type { ByteString } from "../../core/byte-string.ts";
import type { HostPath } from "../../core/brands.ts";
import type { FileTime, Xattrs } from "../../kernel/tree-records.ts";
import { impliedDirectory, type LayerNode, nodeTypes, noSegments, noXattrs } from "./layer-node.ts";
import { type Located, located, recordUnit, Spool } from "./spool.ts";

/** The record's words; what varies in length follows them: segments, target, xattrs. */
const words = {
  /** Bytes of the record. */
  bytes: 0,
  segments: 1,
  nanos: 8,
  uid: 9,
  gid: 10,
  xattrs: 11,
  mode: 12,
  target: 13,
  type: 14,
  /** Of a device. */
  major: 6,
  minor: 7,
} as const;
/** Its 64-bit numbers, among them. */
const doubles = {
  seconds: 1,
  size: 2,
  /** Of data in one piece. */
  offset: 3,
} as const;
const fixedBytes = 64;
const segmentBytes = 24;
/** Instead of a number of segments: it is data in one piece. */
const onePiece = 0xffff_ffff;

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

/** Files of a layer, written once and read as often as needed, but in memory as far as `Spool` has them there. */
export class NodeSpool implements Disposable {
  readonly #spool: Spool;
  #record = located(4096);
  readonly #found: Mutable<Omit<LayerNode, "mtime">> & { readonly mtime: Mutable<FileTime> } = {
    ...impliedDirectory,
    mtime: { seconds: 0, nanos: 0 },
  };

  /** @param scratch as `Spool` takes it. */
  constructor(scratch: HostPath) {
    this.#spool = new Spool(scratch);
  }

  /** Returns the record's number. @throws {RangeError} beyond 64 GiB */
  add(node: LayerNode): number {
    const { xattrs, data, target } = node;
    const length = recordBytes(node);
    if (length > this.#record.bytes.length) this.#record = located(length * 2);
    const record = this.#record;
    record.words[words.bytes] = length;
    record.words[words.nanos] = node.mtime.nanos;
    record.words[words.uid] = node.uid;
    record.words[words.gid] = node.gid;
    record.words[words.xattrs] = xattrs.size;
    record.words[words.mode] = node.mode;
    record.words[words.target] = target.length;
    record.words[words.type] = nodeTypes.indexOf(node.type);
    record.doubles[doubles.seconds] = node.mtime.seconds;
    record.doubles[doubles.size] = node.size;
    let at = fixedBytes;
    if (typeof data === "number") {
      record.words[words.segments] = onePiece;
      record.doubles[doubles.offset] = data;
    } else {
      record.words[words.segments] = data.length;
      record.words[words.major] = node.major;
      record.words[words.minor] = node.minor;
      for (const segment of data) at = putSegment(record, at, segment);
    }
    if (target.length > 0) at += record.bytes.write(target, at, "latin1");
    for (const [name, value] of xattrs) at = putText(record, putText(record, at, name), value);
    const number = this.#spool.length / recordUnit;
    if (number > 0xffff_ffff) throw new RangeError("more than 64 GiB of metadata");
    this.#spool.append(record.bytes, length);
    return number;
  }

  /** Nothing is added any more. */
  seal(): void {
    this.#spool.seal();
  }

  /** Valid until the next call. */
  get(number: number): LayerNode {
    const record = this.#spool.read(number * recordUnit);
    const first = record.at / 4;
    const word = (index: number): number => record.words[first + index] ?? 0;
    const double = (index: number): number => record.doubles[first / 2 + index] ?? 0;
    const segments = word(words.segments);
    const isOnePiece = segments === onePiece;
    const targetAt = record.at + fixedBytes + (isOnePiece ? 0 : segments * segmentBytes);
    const targetEnd = targetAt + word(words.target);
    const found = this.#found;
    found.type = nodeTypes[word(words.type)] ?? "file";
    found.mode = word(words.mode);
    found.uid = word(words.uid);
    found.gid = word(words.gid);
    found.mtime.seconds = double(doubles.seconds);
    found.mtime.nanos = word(words.nanos);
    found.xattrs = getXattrs(record, targetEnd, word(words.xattrs));
    found.size = double(doubles.size);
    found.data = isOnePiece ? double(doubles.offset) : getSegments(record, segments);
    found.target = (targetEnd === targetAt ? "" : record.bytes.toString("latin1", targetAt, targetEnd)) as ByteString;
    found.major = isOnePiece ? 0 : word(words.major);
    found.minor = isOnePiece ? 0 : word(words.minor);
    return found;
  }

  [Symbol.dispose](): void {
    this.#spool[Symbol.dispose]();
  }
}

/** Bytes of a node's record. */
export function recordBytes({ xattrs, data, target }: LayerNode): number {
  let bytes = fixedBytes + target.length;
  if (typeof data !== "number") bytes += data.length * segmentBytes;
  for (const [name, value] of xattrs) bytes += 8 + name.length + value.length;
  return Math.ceil(bytes / recordUnit) * recordUnit;
}

function putSegment({ doubles: into }: Located, at: number, { offset, length, fileOffset }: TarSegment): number {
  into[at / 8] = offset;
  into[at / 8 + 1] = length;
  into[at / 8 + 2] = fileOffset;
  return at + segmentBytes;
}

/** Not aligned. */
function putText({ bytes }: Located, at: number, text: ByteString): number {
  bytes.writeUInt32LE(text.length, at);
  return at + 4 + bytes.write(text, at + 4, "latin1");
}

function getSegments({ doubles: from, at }: Located, count: number): readonly TarSegment[] {
  if (count === 0) return noSegments;
  return Array.from({ length: count }, (_, index) => {
    const segment = (at + fixedBytes + index * segmentBytes) / 8;
    return { offset: from[segment] ?? 0, length: from[segment + 1] ?? 0, fileOffset: from[segment + 2] ?? 0 };
  });
}

function getXattrs({ bytes }: Located, start: number, count: number): Xattrs {
  if (count === 0) return noXattrs;
  const xattrs = new Map<ByteString, ByteString>();
  let at = start;
  const text = (): ByteString => {
    const end = at + 4 + bytes.readUInt32LE(at);
    const found = bytes.toString("latin1", at + 4, end) as ByteString;
    at = end;
    return found;
  };
  for (let left = count; left > 0; left--) {
    const name = text();
    xattrs.set(name, text());
  }
  return xattrs;
}
