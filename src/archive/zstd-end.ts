/**
 * Follows the frames of zstd data as it passes, without decoding it, to tell whether it is whole: the runtime's decoder ends
 * without an error when its input ends within a frame.
 * @see RFC 8878, section 3.1
 */
export class ZstdEnd {
  #step: "magic" | "skipSize" | "descriptor" | "block" | "skip" = "magic";
  #pending = Buffer.alloc(0);
  #skip = 0;
  #checksum = false;
  #after: "magic" | "block" = "magic";

  /** The input so far ends where a frame ends. */
  get isWhole(): boolean {
    return this.#step === "magic" && this.#pending.length === 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    for (;;) {
      if (this.#step === "skip") {
        const n = Math.min(this.#skip, chunk.length - at);
        at += n;
        this.#skip -= n;
        if (this.#skip > 0) return;
        this.#step = this.#after;
      }
      const wanted = this.#step === "descriptor" ? 1 : this.#step === "block" ? 3 : 4;
      const n = Math.min(wanted - this.#pending.length, chunk.length - at);
      if (n > 0) this.#pending = Buffer.concat([this.#pending, chunk.subarray(at, at + n)]);
      at += n;
      if (this.#pending.length < wanted) return;
      const field = this.#pending;
      this.#pending = Buffer.alloc(0);
      this.#take(field);
    }
  }

  #take(field: Buffer): void {
    switch (this.#step) {
      case "magic":
        // A skippable frame, or a real one; anything else is the decoder's to refuse.
        this.#step = field.readUInt32LE(0) >>> 4 === 0x184d2a5 ? "skipSize" : "descriptor";
        break;
      case "skipSize":
        this.#skipBytes(field.readUInt32LE(0), "magic");
        break;
      case "descriptor": {
        const descriptor = field.readUInt8(0);
        const singleSegment = (descriptor & 0x20) !== 0;
        this.#checksum = (descriptor & 4) !== 0;
        const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
        const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
        this.#skipBytes((singleSegment ? 0 : 1) + dictionary + contentSize, "block");
        break;
      }
      case "block": {
        const header = field.readUIntLE(0, 3);
        const size = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
        const last = (header & 1) === 1;
        this.#skipBytes(size + (last && this.#checksum ? 4 : 0), last ? "magic" : "block");
        break;
      }
      case "skip":
        break;
    }
  }

  #skipBytes(count: number, after: "magic" | "block"): void {
    this.#skip = count;
    this.#after = after;
    this.#step = count === 0 ? after : "skip";
  }
}
