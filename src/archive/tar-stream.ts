import type { TarEntry } from "./tar-entry.ts";
import { invalidTar } from "./tar-entry.ts";
import { parseTar } from "./tar-parser.ts";

/** A member of an archive that comes as a stream. */
export interface StreamedEntry {
  readonly entry: TarEntry;
  /** The stored bytes of its segments, one after the other. To be read before the next entry is asked for, or not at all. */
  data(): AsyncGenerator<Uint8Array>;
}

/**
 * The entries of an uncompressed tar as it comes, in order, in bounded memory. Names and numbers are checked as by `parseTar`.
 * @throws {EngineError} TAR_INVALID
 */
export async function* readTarStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedEntry> {
  const bytes = new ByteQueue(source);
  const parser = parseTar();
  try {
    let step = parser.next();
    while (step.done !== true) {
      switch (step.value.kind) {
        case "read":
          step = parser.next(await bytes.take(step.value.length));
          break;
        case "entry": {
          const { entry } = step.value;
          const length = entry.segments.reduce((sum, segment) => sum + segment.length, 0);
          let given = 0;
          async function* data(): AsyncGenerator<Uint8Array> {
            while (given < length) {
              const chunk = await bytes.some(length - given);
              if (chunk.length === 0) throw invalidTar("the archive ends too early", entry.path);
              given += chunk.length;
              yield chunk;
            }
          }
          yield { entry, data };
          step = parser.next();
          // The data is behind us already, as far as it was read; what is left of the member is padding.
          if (step.done !== true && step.value.kind === "skip") {
            await bytes.skip(step.value.length - given, entry.path);
            step = parser.next();
          }
          break;
        }
        case "skip":
          await bytes.skip(step.value.length, "");
          step = parser.next();
          break;
        default:
          step.value satisfies never;
      }
    }
    // tar(1) writes whole records of 10 KiB; it shall not meet a closed pipe.
    for (let left = trailerBytes; left > 0; ) {
      const part = await bytes.some(left);
      if (part.length === 0) break;
      left -= part.length;
    }
  } finally {
    await bytes.close();
  }
}

const trailerBytes = 1024 * 1024;

/** Exact pieces of a stream. */
class ByteQueue {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Fewer only at the end. A copy. */
  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      const part = await this.some(missing);
      if (part.length === 0) break;
      // What a source gives may be filled anew for the next piece.
      parts.push(Buffer.from(part));
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At most so many, and none only at the end. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#rest.length === 0 && !this.#ended) {
      const next = await this.#iterator.next();
      if (next.done === true) this.#ended = true;
      else this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  async skip(length: number, entry: string): Promise<void> {
    for (let left = length; left > 0; ) {
      const part = await this.some(left);
      if (part.length === 0) throw invalidTar("the archive ends too early", entry);
      left -= part.length;
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
