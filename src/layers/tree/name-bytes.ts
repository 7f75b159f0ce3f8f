import type { ByteString } from "../../core/byte-string.ts";
import type { Slice } from "./path-cursor.ts";

const pieceBits = 16;
const pieceSize = 2 ** pieceBits;
/** Where no name is. */
const none = Buffer.alloc(0);

/** Names of at most 255 bytes, one behind the other, each after its length; none spans two pieces. A name is known by its position. */
export class NameBytes {
  readonly #pieces: Buffer[] = [];
  #used = pieceSize;

  /** Returns its position. @throws {RangeError} beyond 4 GiB of names. */
  add(name: Slice): number {
    const length = name.end - name.start;
    if (this.#used + 1 + length > pieceSize) {
      if (this.#pieces.length === pieceSize) throw new RangeError("more than 4 GiB of names");
      this.#pieces.push(Buffer.alloc(pieceSize));
      this.#used = 0;
    }
    const piece = this.#pieces.length - 1;
    const bytes = this.#pieces[piece] ?? none;
    const position = piece * pieceSize + this.#used;
    bytes[this.#used++] = length;
    for (let at = name.start; at < name.end; at++) bytes[this.#used++] = name.text.charCodeAt(at);
    return position;
  }

  length(position: number): number {
    return (this.#pieces[position >>> pieceBits] ?? none)[position & (pieceSize - 1)] ?? 0;
  }

  /** -1 behind the name's end. */
  byteAt(position: number, index: number): number {
    const bytes = this.#pieces[position >>> pieceBits] ?? none;
    const start = position & (pieceSize - 1);
    return index < (bytes[start] ?? 0) ? (bytes[start + 1 + index] ?? -1) : -1;
  }

  /** Whether a name comes before another, by their bytes from `depth` on. */
  isBefore(position: number, other: number, depth: number): boolean {
    const bytes = this.#pieces[position >>> pieceBits] ?? none;
    const otherBytes = this.#pieces[other >>> pieceBits] ?? none;
    const start = position & (pieceSize - 1);
    const otherStart = other & (pieceSize - 1);
    const length = bytes[start] ?? 0;
    const otherLength = otherBytes[otherStart] ?? 0;
    const last = length < otherLength ? length : otherLength;
    for (let index = depth + 1; index <= last; index++) {
      const byte = bytes[start + index] ?? 0;
      const otherByte = otherBytes[otherStart + index] ?? 0;
      if (byte !== otherByte) return byte < otherByte;
    }
    return length < otherLength;
  }

  equals(position: number, name: Slice): boolean {
    const bytes = this.#pieces[position >>> pieceBits] ?? none;
    let at = position & (pieceSize - 1);
    if (bytes[at++] !== name.end - name.start) return false;
    for (let index = name.start; index < name.end; index++) if (bytes[at++] !== name.text.charCodeAt(index)) return false;
    return true;
  }

  text(position: number): ByteString {
    const start = (position & (pieceSize - 1)) + 1;
    return (this.#pieces[position >>> pieceBits] ?? none).toString("latin1", start, start + this.length(position)) as ByteString;
  }

  /** Returns the number of bytes copied. */
  copy(position: number, into: Buffer, at: number): number {
    const start = (position & (pieceSize - 1)) + 1;
    return (this.#pieces[position >>> pieceBits] ?? none).copy(into, at, start, start + this.length(position));
  }
}
