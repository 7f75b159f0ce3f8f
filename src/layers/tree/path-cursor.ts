import { invalidTar } from "../../archive/tar-entry.ts";
import type { ByteString } from "../../core/byte-string.ts";

/** What file systems take. */
const longestName = 255;

/** A part of a text, without a text of its own. */
export interface Slice {
  readonly text: ByteString;
  readonly start: number;
  readonly end: number;
}

/** Goes through a path's components. One cursor serves all paths, one after the other. */
export class PathCursor implements Slice {
  text = "" as ByteString;
  start = 0;
  end = 0;

  /** Goes to the first component of a clean path, which is not `.`. */
  begin(path: ByteString): void {
    this.text = path;
    this.end = -1;
    this.advance();
  }

  get isLast(): boolean {
    return this.end === this.text.length;
  }

  advance(): void {
    this.start = this.end + 1;
    const slash = this.text.indexOf("/", this.start);
    this.end = slash < 0 ? this.text.length : slash;
  }

  /** Goes to the last one. */
  toLast(): void {
    this.start = this.text.lastIndexOf("/") + 1;
    this.end = this.text.length;
  }
}

/** @throws {EngineError} TAR_INVALID */
export function checkName({ text, start, end }: Slice): void {
  if (end - start > longestName) throw invalidTar(`a component of ${end - start} bytes, more than file systems take`, text);
}
