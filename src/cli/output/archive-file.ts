import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { randomHex } from "../../core/random.ts";

/**
 * A file being written whole: it has its name only once `finish` returns, so that a failure leaves what was there before. A device or a
 * pipe of that name is written as it comes.
 */
export class ArchiveFile implements Disposable {
  readonly #path: string;
  readonly #partial: string | undefined;
  readonly #fd: number;
  #open = true;
  #finished = false;

  private constructor(path: string, partial: string | undefined, fd: number) {
    this.#path = path;
    this.#partial = partial;
    this.#fd = fd;
  }

  /** @throws {EngineError} CLI_FILE_UNWRITABLE */
  static create(path: string): ArchiveFile {
    return attempt(path, () => {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found !== undefined && !found.isFile()) return new ArchiveFile(path, undefined, openSync(path, "w"));
      const partial = `${path}.${randomHex(4)}.partial`;
      return new ArchiveFile(path, partial, openSync(partial, "wx", 0o600));
    });
  }

  /** @throws {EngineError} CLI_FILE_UNWRITABLE */
  write(chunk: Uint8Array): void {
    attempt(this.#path, () => {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    });
  }

  /** @throws {EngineError} CLI_FILE_UNWRITABLE */
  finish(): void {
    const partial = this.#partial;
    attempt(this.#path, () => {
      if (partial !== undefined) fsyncSync(this.#fd);
      this.#close();
      if (partial !== undefined) renameSync(partial, this.#path);
      this.#finished = true;
    });
  }

  /** Removes what is not finished. */
  [Symbol.dispose](): void {
    this.#close();
    if (!this.#finished && this.#partial !== undefined) rmSync(this.#partial, { force: true });
  }

  #close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}

function attempt<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError({
      kind: "invalidArgument",
      code: "CLI_FILE_UNWRITABLE",
      message: `write the archive \`${path}\`: ${reason}`,
      cause,
    });
  }
}
