/** Numbers in a piece; 64 KiB. */
const pieceBits = 14;
const inPiece = 2 ** pieceBits - 1;

/**
 * One field of many records: numbers of 32 bits by index. It grows by pieces, so that nothing is copied and no more than a piece is in vain,
 * and no record takes an object of its own.
 */
export class Uint32Column {
  readonly #pieces: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** 0 for what has not been pushed. */
  get(index: number): number {
    return this.#pieces[index >>> pieceBits]?.[index & inPiece] ?? 0;
  }

  /** Of what has been pushed. */
  set(index: number, value: number): void {
    const piece = this.#pieces[index >>> pieceBits];
    if (piece !== undefined) piece[index & inPiece] = value;
  }

  /** Returns the index. */
  push(value: number): number {
    const index = this.#length++;
    const piece = (index & inPiece) === 0 ? this.#addPiece() : this.#pieces[index >>> pieceBits];
    if (piece !== undefined) piece[index & inPiece] = value;
    return index;
  }

  /** Pushes zeros up to that length. */
  extend(length: number): void {
    while (this.#pieces.length * (inPiece + 1) < length) this.#addPiece();
    this.#length = Math.max(this.#length, length);
  }

  #addPiece(): Uint32Array {
    const piece = new Uint32Array(inPiece + 1);
    this.#pieces.push(piece);
    return piece;
  }
}
