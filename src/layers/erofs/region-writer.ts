import { writeSync } from "node:fs";

const capacity = 256 * 1024;

/** Where to put bytes: `buffer` from `at` on, zeros until then. */
export interface Taken {
  readonly buffer: Buffer;
  readonly at: number;
}

/** Writes a part of a file from its start to its end, in large pieces. What is skipped is zeros, or a hole when it is long. */
export class RegionWriter {
  readonly #fd: number;
  #buffer = Buffer.alloc(capacity);
  #start: number;
  #used = 0;

  constructor(fd: number, start: number) {
    this.#fd = fd;
    this.#start = start;
  }

  /** The first byte behind what has been taken. */
  get end(): number {
    return this.#start + this.#used;
  }

  /** The next bytes of the file, from `offset` on, which is not before `end`. Valid until the next call. */
  take(offset: number, length: number): Taken {
    if (offset + length - this.#start > this.#buffer.length) {
      this.flush();
      this.#start = offset;
      if (length > this.#buffer.length) this.#buffer = Buffer.alloc(length);
    }
    const at = offset - this.#start;
    this.#used = at + length;
    return { buffer: this.#buffer, at };
  }

  flush(): void {
    for (let at = 0; at < this.#used; ) at += writeSync(this.#fd, this.#buffer, at, this.#used - at, this.#start + at);
    this.#buffer.fill(0, 0, this.#used);
    this.#start += this.#used;
    this.#used = 0;
  }
}
