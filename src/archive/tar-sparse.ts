import type { PaxRecords } from "./pax-records.ts";
import { paxNumber } from "./pax-records.ts";
import type { TarSegment } from "./tar-entry.ts";
import { invalidTar } from "./tar-entry.ts";
import { blockSize, numberField } from "./tar-header.ts";

/** Which bytes of a sparse file are stored; the rest are holes. */
export interface SparseMap {
  readonly size: number;
  /** Pairs: offset in the file, length. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Bytes at the start of the stored data that hold the map itself (PAX 1.0). */
  readonly mapBytes: number;
}

const maxRanges = 1_000_000;

/** The stored ranges as segments of the archive, checked against what is stored. @throws {EngineError} TAR_INVALID */
export function sparseSegments(map: SparseMap, stored: { readonly offset: number; readonly size: number }, entry: string): TarSegment[] {
  const segments: TarSegment[] = [];
  let offset = stored.offset + map.mapBytes;
  let before = 0;
  for (const [fileOffset, length] of map.ranges) {
    if (fileOffset < before || fileOffset + length > map.size) throw invalidTar("a sparse map out of order or bounds", entry);
    before = fileOffset + length;
    if (length === 0) continue;
    segments.push({ offset, length, fileOffset });
    offset += length;
  }
  if (offset > stored.offset + stored.size) throw invalidTar("a sparse map of more data than is stored", entry);
  return segments;
}

/** Reads the maps that follow a block: exactly so many bytes, as a step of the parser. */
export type ReadBytes = (length: number) => Generator<{ readonly kind: "read"; readonly length: number }, Buffer, Buffer>;

/** Old GNU format (typeflag `S`): four ranges in the header, more in extension blocks after it. */
export function* gnuSparse(
  header: Buffer,
  read: ReadBytes,
  entry: string,
): Generator<{ readonly kind: "read"; readonly length: number }, SparseMap, Buffer> {
  const ranges: [number, number][] = [];
  const take = (block: Buffer, offset: number, count: number) => {
    for (let at = offset; at < offset + count * 24; at += 24) {
      if (block[at] === 0) break;
      ranges.push([numberField(block, at, 12, entry), numberField(block, at + 12, 12, entry)]);
    }
  };
  take(header, 386, 4);
  const size = numberField(header, 483, 12, entry);
  let more = header[482] !== 0;
  while (more) {
    const block = yield* read(blockSize);
    take(block, 0, 21);
    more = block[504] !== 0;
    if (ranges.length > maxRanges) throw invalidTar("an absurd sparse map", entry);
  }
  return { size, ranges, mapBytes: 0 };
}

/** PAX sparse formats 0.0 and 0.1 (map in the records) and 1.0 (map before the data); undefined when the entry isn't sparse. */
export function* paxSparse(
  records: PaxRecords,
  read: ReadBytes,
  entry: string,
): Generator<{ readonly kind: "read"; readonly length: number }, SparseMap | undefined, Buffer> {
  const inline = records.get("GNU.sparse.map");
  const size = paxNumber(records.get("GNU.sparse.realsize") ?? records.get("GNU.sparse.size") ?? "0", entry);
  if (records.get("GNU.sparse.major") === "1") {
    let text = "";
    const numbers: number[] = [];
    let mapBytes = 0;
    let wanted = 1;
    while (numbers.length < wanted) {
      const end = text.indexOf("\n");
      if (end < 0) {
        if (text.length > 32) throw invalidTar("a malformed sparse map", entry);
        text += (yield* read(blockSize)).toString("latin1");
        mapBytes += blockSize;
        continue;
      }
      numbers.push(paxNumber(text.slice(0, end), entry));
      text = text.slice(end + 1);
      if (numbers.length === 1) wanted = 1 + 2 * (numbers[0] ?? 0);
      if (wanted > 2 * maxRanges) throw invalidTar("an absurd sparse map", entry);
    }
    return { size, ranges: pairs(numbers.slice(1)), mapBytes };
  }
  if (inline === undefined) return undefined;
  const numbers = inline === "" ? [] : inline.split(",").map((number) => paxNumber(number, entry));
  if (numbers.length % 2 !== 0) throw invalidTar("a malformed sparse map", entry);
  return { size, ranges: pairs(numbers), mapBytes: 0 };
}

function pairs(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) ranges.push([numbers[at] ?? 0, numbers[at + 1] ?? 0]);
  return ranges;
}
