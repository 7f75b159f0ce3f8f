import type { TarSegment } from "../../archive/tar-entry.ts";
import { invalidTar } from "../../archive/tar-entry.ts";
import { type LayerNode, segmentsOf } from "../tree/layer-node.ts";

/** Chunks of a file are 2^chunkBits blocks; each is a run of blocks in the archive, a hole, or a run of the index's own. */
export interface ChunkPlan {
  readonly chunkBits: number;
  readonly count: number;
  /** Every byte of data lies in the archive as the kernel needs it: chunks can point there. Otherwise what they hold is copied. */
  readonly direct: boolean;
}

/** Bits that the format has for a chunk's size. */
const mostChunkBits = 31;
/** Chunks that a file may have for each of its runs of data, and at least: what an archive of a few bytes may ask of us. */
const chunksPerSegment = 64;
const chunksAtLeast = 1024;

/**
 * How the blocks of a file are found. A file in one piece is one chunk. The chunks of a sparse file are as long as the ends of its runs allow;
 * where that would be too many, or where runs do not begin with a block, they are longer and copied.
 */
export function planChunks(node: LayerNode, from: { readonly blockBits: number; readonly archiveBytes: number }): ChunkPlan {
  const { size } = node;
  const { blockBits } = from;
  const blockSize = 2 ** blockBits;
  const whole = bitsFor(size, blockBits);
  // Nearly all files.
  const { archiveBytes } = from;
  if (
    typeof node.data === "number" &&
    isDirect({ offset: node.data, length: size, fileOffset: 0 }, { blockBits, archiveBytes, last: true, size })
  )
    return plan(size, blockBits, whole, true);
  const segments = segmentsOf(node);
  const direct = segments.every((segment, index) =>
    isDirect(segment, { blockBits, archiveBytes, last: index === segments.length - 1, size }),
  );
  if (segments.length === 0) return plan(size, blockBits, whole, true);
  const [only] = segments;
  if (direct && segments.length === 1 && only?.fileOffset === 0 && only.length === size) return plan(size, blockBits, whole, true);
  const limit = Math.max(chunksAtLeast, segments.length * chunksPerSegment);
  if (direct) {
    let natural = whole;
    for (const { fileOffset, length } of segments) {
      const ends = fileOffset + length === size ? [fileOffset] : [fileOffset, fileOffset + length];
      for (const end of ends) natural = Math.min(natural, trailingZeros(end / blockSize));
    }
    const found = plan(size, blockBits, natural, true);
    if (found.count <= limit) return found;
  }
  let bits = 0;
  while (plan(size, blockBits, bits, false).count > limit) bits++;
  return plan(size, blockBits, bits, false);
}

function plan(size: number, blockBits: number, chunkBits: number, direct: boolean): ChunkPlan {
  const bits = Math.min(chunkBits, mostChunkBits);
  return { chunkBits: bits, count: Math.ceil(size / 2 ** (blockBits + bits)), direct };
}

/** It begins with a block of the archive, and all of its blocks are there. */
function isDirect(
  { offset, length, fileOffset }: TarSegment,
  from: { readonly blockBits: number; readonly archiveBytes: number; readonly last: boolean; readonly size: number },
): boolean {
  const blockSize = 2 ** from.blockBits;
  if (offset % blockSize !== 0 || fileOffset % blockSize !== 0) return false;
  const atEnd = from.last && fileOffset + length === from.size;
  if (!atEnd && length % blockSize !== 0) return false;
  return Math.ceil((offset + length) / blockSize) * blockSize <= from.archiveBytes;
}

function bitsFor(size: number, blockBits: number): number {
  let bits = 0;
  while (bits < mostChunkBits && 2 ** (blockBits + bits) < size) bits++;
  return bits;
}

function trailingZeros(blocks: number): number {
  if (blocks === 0) return mostChunkBits;
  let bits = 0;
  while (bits < mostChunkBits && blocks % 2 ** (bits + 1) === 0) bits++;
  return bits;
}

/** The archive's offset of each chunk of a direct plan; undefined for a hole. */
export function* directChunks(node: LayerNode, { chunkBits, count }: ChunkPlan, blockBits: number): Generator<number | undefined> {
  const chunkBytes = 2 ** (blockBits + chunkBits);
  const segments = segmentsOf(node);
  let index = 0;
  for (let chunk = 0; chunk < count; chunk++) {
    const start = chunk * chunkBytes;
    let segment = segments[index];
    while (segment !== undefined && segment.fileOffset + segment.length <= start) segment = segments[++index];
    yield segment === undefined || segment.fileOffset > start ? undefined : segment.offset + (start - segment.fileOffset);
  }
}

/** The parts of the segments that lie in each chunk of a copied plan; an empty list for a hole. */
export function* copiedChunks(node: LayerNode, { chunkBits, count }: ChunkPlan, blockBits: number): Generator<readonly TarSegment[]> {
  const chunkBytes = 2 ** (blockBits + chunkBits);
  const segments = segmentsOf(node);
  let index = 0;
  for (let chunk = 0; chunk < count; chunk++) {
    const start = chunk * chunkBytes;
    const end = start + chunkBytes;
    const parts: TarSegment[] = [];
    for (let segment = segments[index]; segment !== undefined && segment.fileOffset < end; segment = segments[index]) {
      const from = Math.max(segment.fileOffset, start);
      const to = Math.min(segment.fileOffset + segment.length, end);
      if (to > from) parts.push({ offset: segment.offset + (from - segment.fileOffset), length: to - from, fileOffset: from });
      if (segment.fileOffset + segment.length > end) break;
      index++;
    }
    yield parts;
  }
}

/** What the format can't hold. */
export function tooLarge(): Error {
  return invalidTar("the layer is larger than 2 TiB");
}
