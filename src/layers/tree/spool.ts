import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { HostPath } from "../../core/brands.ts";

const pageBits = 12;
const pageSize = 2 ** pageBits;
/** Pages in memory. */
const frames = 1024;
/** Of pages that make room for new ones at once. */
const batch = 64;

/** A record in memory, by three views of the same bytes. */
export interface Located {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  /** Where it begins, in bytes. */
  at: number;
}

/** Records begin at its multiples. */
export const recordUnit = 16;

/**
 * Records that are first appended and then read, in any order, without being in memory: 4 MiB of them are, and what is beyond lies in a file
 * without a name. A spool of less makes no file.
 */
export class Spool implements Disposable {
  readonly #path: HostPath;
  #fd: number | undefined;
  #length = 0;
  /** Pages before this one are in the file. */
  #written = 0;
  #isSealed = false;
  /** A page is in the frame of its number modulo their count, if it is in memory. */
  readonly #cache = located(frames * pageSize);
  readonly #pages = new Int32Array(frames).fill(-1);
  #copied = located(pageSize);

  /** @param path of the file: of the caller alone, and free. */
  constructor(path: HostPath) {
    this.#path = path;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends a record of so many bytes, a multiple of the unit, which its first word tells. */
  append(record: Buffer, length: number): void {
    for (let done = 0; done < length; ) {
      const page = Math.floor(this.#length / pageSize);
      const start = this.#length % pageSize;
      if (start === 0) {
        if (page - this.#written === frames) this.#writeOut(batch);
        this.#pages[page % frames] = page;
      }
      const count = Math.min(length - done, pageSize - start);
      record.copy(this.#cache.bytes, (page % frames) * pageSize + start, done, done + count);
      done += count;
      this.#length += count;
    }
  }

  /** The record at a position; valid until the next call. */
  read(position: number): Located {
    const page = Math.floor(position / pageSize);
    const start = position % pageSize;
    if (this.#isInFile(page)) {
      this.#readFile({ into: this.#copied.bytes, at: 0, length: recordUnit, position });
      return this.#copy(position, this.#copied.words[0] ?? 0);
    }
    const at = this.#frameOf(page) + start;
    const length = this.#cache.words[at / 4] ?? 0;
    if (start + length > pageSize) return this.#copy(position, length);
    this.#cache.at = at;
    return this.#cache;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** One that spans pages, which need not lie together. */
  #copy(position: number, length: number): Located {
    if (this.#copied.bytes.length < length) this.#copied = located(length);
    const { bytes } = this.#copied;
    for (let done = 0; done < length; ) {
      const start = (position + done) % pageSize;
      const count = Math.min(length - done, pageSize - start);
      const page = Math.floor((position + done) / pageSize);
      if (this.#isInFile(page)) this.#readFile({ into: bytes, at: done, length: count, position: position + done });
      else {
        const at = this.#frameOf(page) + start;
        this.#cache.bytes.copy(bytes, done, at, at + count);
      }
      done += count;
    }
    return this.#copied;
  }

  /** And not in memory: until all is appended, frames are for what is not in the file yet. */
  #isInFile(page: number): boolean {
    return !this.#isSealed && page < this.#written;
  }

  /** Nothing is appended any more; from now on, reading is quick. */
  seal(): void {
    this.#isSealed = true;
    const pages = Math.ceil(this.#length / pageSize);
    if (this.#written > 0) while (this.#written < pages) this.#writeOut(Math.min(batch, pages - this.#written));
  }

  /** Writes so many pages, which lie together in the file; frames are a multiple of a batch, so that they do in memory, too. */
  #writeOut(count: number): void {
    this.#fd ??= this.#open();
    const from = (this.#written % frames) * pageSize;
    const end = from + count * pageSize;
    const position = this.#written * pageSize - from;
    for (let at = from; at < end; ) at += writeSync(this.#fd, this.#cache.bytes, at, end - at, position + at);
    this.#written += count;
  }

  #frameOf(page: number): number {
    const frame = page % frames;
    const start = frame * pageSize;
    if (this.#pages[frame] === page) return start;
    this.#readFile({ into: this.#cache.bytes, at: start, length: pageSize, position: page * pageSize });
    this.#pages[frame] = page;
    return start;
  }

  #readFile(part: { readonly into: Buffer; readonly at: number; readonly length: number; readonly position: number }): void {
    for (let got = 0; got < part.length; ) {
      const n = this.#fd === undefined ? 0 : readSync(this.#fd, part.into, part.at + got, part.length - got, part.position + got);
      if (n === 0) throw new RangeError("the spool is not that long");
      got += n;
    }
  }

  #open(): number {
    const fd = openSync(this.#path, "wx+", 0o600);
    unlinkSync(this.#path);
    return fd;
  }
}

/** Room for so many bytes. */
export function located(length: number): Located {
  const memory = new ArrayBuffer(Math.ceil(length / recordUnit) * recordUnit);
  return { bytes: Buffer.from(memory), words: new Uint32Array(memory), doubles: new Float64Array(memory), at: 0 };
}
