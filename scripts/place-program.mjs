// Programs are put in place in a way that lets the kernel map them in pieces of 2 MiB (docs/adr/0019): a start of the engine, which is a
// file of 110 MiB, then costs 2 to 4 ms less.
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

const hugePage = 1n << 21n;

/**
 * Copies a program whole, in one write, so that file systems with large folios (ext4 since Linux 6.16, XFS) keep it in the page cache in
 * large ones. Renamed into place: a running program can't be overwritten, but replaced.
 */
export function placeProgram(source, target) {
  writeProgram(readFileSync(source), target, statSync(source).mode);
}

/** As `placeProgram`, with each segment where in the file it can be mapped by huge pages. */
export function placeAligned(source, target) {
  writeProgram(alignSegments(readFileSync(source)), target, statSync(source).mode);
}

function writeProgram(bytes, target, mode) {
  writeFileSync(`${target}.${process.pid}`, bytes, { mode: mode & 0o777 });
  renameSync(`${target}.${process.pid}`, target);
}

/**
 * The same program (ELF, 64 bit, little-endian) with each loaded segment moved in the file to where its offset and its address agree modulo
 * 2 MiB. Addresses stay. What only tools read, the sections' names and table, is left out: it lies outside the segments.
 */
export function alignSegments(program) {
  const header = new Program(program);
  const loaded = header.segments.filter(({ type }) => type === loadedSegment).sort((a, b) => (a.offset < b.offset ? -1 : 1));
  const moved = [];
  let end = 0n;
  for (const segment of loaded) {
    const offset = segment.offset === 0n ? 0n : end + modulo(segment.address - end, hugePage);
    moved.push({ ...segment, to: offset });
    end = offset + segment.size;
  }
  const aligned = Buffer.alloc(Number(end));
  for (const { offset, size, to } of moved) program.copy(aligned, Number(to), Number(offset), Number(offset + size));
  const result = new Program(aligned);
  for (const [index, { offset, size }] of header.segments.entries()) {
    const around = moved.find((segment) => segment.offset <= offset && offset + size <= segment.offset + segment.size);
    if (around !== undefined) result.moveSegment(index, offset - around.offset + around.to);
    else if (size > 0n) throw new Error(`align the engine: segment ${index} lies outside what is loaded`);
  }
  result.dropSections();
  return aligned;
}

const loadedSegment = 1; // PT_LOAD
const modulo = (value, divisor) => ((value % divisor) + divisor) % divisor;

/** The fields of elf(5) that matter here. */
class Program {
  #bytes;
  #table;
  constructor(bytes) {
    const isElf64 = bytes.subarray(0, 6).equals(Buffer.from("\x7fELF\x02\x01", "latin1"));
    if (!isElf64) throw new Error("align the engine: not a 64-bit little-endian ELF program");
    this.#bytes = bytes;
    this.#table = Number(bytes.readBigUInt64LE(32)); // e_phoff
  }
  get segments() {
    return Array.from({ length: this.#bytes.readUInt16LE(56) }, (_, index) => {
      const at = this.#table + 56 * index;
      return {
        type: this.#bytes.readUInt32LE(at),
        offset: this.#bytes.readBigUInt64LE(at + 8),
        address: this.#bytes.readBigUInt64LE(at + 16),
        size: this.#bytes.readBigUInt64LE(at + 32),
      };
    });
  }
  moveSegment(index, offset) {
    this.#bytes.writeBigUInt64LE(offset, this.#table + 56 * index + 8);
  }
  dropSections() {
    this.#bytes.writeBigUInt64LE(0n, 40); // e_shoff
    this.#bytes.fill(0, 60, 64); // e_shnum, e_shstrndx
  }
}
