import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";

/**
 * `--cidfile`: made before the container is, so that a second `run` with the same file is refused, and removed again on disposal if no id
 * was written.
 */
export class CidFile implements Disposable {
  readonly #path: string;
  readonly #fd: number;
  #written = false;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** @throws {EngineError} CLI_CIDFILE_EXISTS, CLI_FILE_UNWRITABLE */
  static open(path: string | undefined): CidFile | undefined {
    if (path === undefined || path === "") return undefined;
    try {
      return new CidFile(path, openSync(path, "wx", 0o644));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") {
        throw new EngineError({
          kind: "alreadyExists",
          code: "CLI_CIDFILE_EXISTS",
          message: `container ID file found, make sure the other container isn't running or delete \`${path}\``,
        });
      }
      const reason = error instanceof Error ? error.message : String(error);
      throw new EngineError({
        kind: "invalidArgument",
        code: "CLI_FILE_UNWRITABLE",
        message: `create the container ID file \`${path}\`: ${reason}`,
        cause: error,
      });
    }
  }

  write(id: string): void {
    writeSync(this.#fd, id);
    this.#written = true;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    if (!this.#written) unlinkSync(this.#path);
  }
}
