/** Bytes that come in chunks, of which some are wanted first. No byte is copied that need not be. */
export class ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** `length` bytes; fewer at the end. */
  async take(length: number): Promise<Buffer> {
    if (this.#chunk.length >= length) return this.#cut(length);
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      if (!(await this.#fill())) break;
      const part = this.#cut(Math.min(missing, this.#chunk.length));
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Whatever is left. */
  async *rest(): AsyncGenerator<Buffer> {
    while (await this.#fill()) yield this.#cut(this.#chunk.length);
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }

  #cut(length: number): Buffer {
    const part = Buffer.from(this.#chunk.buffer, this.#chunk.byteOffset, length);
    this.#chunk = this.#chunk.subarray(length);
    return part;
  }
}
