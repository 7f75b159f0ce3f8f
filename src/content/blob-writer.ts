import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Digest, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/** What a blob turned out to be, or must turn out to be. */
export interface BlobDescriptor {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** One blob being written. `commit` or disposal ends it; disposal of a committed one does nothing. */
export class BlobWriter implements Disposable {
  /** Where the bytes are until `commit`. */
  readonly path: HostPath;
  readonly #nameOf: (digest: Digest) => HostPath;
  readonly #expected: BlobDescriptor | undefined;
  readonly #hash: Hash = createHash("sha256");
  #fd: number;
  #sizeBytes = 0;

  constructor(path: HostPath, nameOf: (digest: Digest) => HostPath, expected?: BlobDescriptor) {
    this.path = path;
    this.#nameOf = nameOf;
    this.#expected = expected;
    this.#fd = openSync(path, "wx", 0o600);
  }

  /** @throws {EngineError} BLOB_TOO_LARGE once more than expected arrives, NO_SPACE. */
  write(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    if (this.#expected !== undefined && this.#sizeBytes > this.#expected.sizeBytes) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "BLOB_TOO_LARGE",
        message: `store blob \`${this.#expected.digest}\`: more than the ${this.#expected.sizeBytes} bytes announced`,
      });
    }
    this.#hash.update(chunk);
    writeFully(this.#fd, chunk);
  }

  /**
   * Names the blob by its SHA-256 and makes it durable. Idempotent: success means that the content is stored, whoever wrote it.
   * @throws {EngineError} BLOB_DIGEST_MISMATCH; the temporary file is gone then.
   */
  commit(): BlobDescriptor {
    const digest = `sha256:${this.#hash.digest("hex")}` as Digest;
    const expected = this.#expected;
    if (expected !== undefined && (expected.digest !== digest || expected.sizeBytes !== this.#sizeBytes)) {
      this[Symbol.dispose]();
      throw new EngineError({
        kind: "invalidArgument",
        code: "BLOB_DIGEST_MISMATCH",
        message: `store blob \`${expected.digest}\`: the ${this.#sizeBytes} bytes received are \`${digest}\``,
      });
    }
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    this.#fd = -1;
    const path = this.#nameOf(digest);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(this.path, path);
    syncDirectory(dirname(path));
    return { digest, sizeBytes: this.#sizeBytes };
  }

  /** Drops what has been written, unless committed. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    unlinkSync(this.path);
  }
}

/** All of `chunk`; write(2) may take less. @throws {EngineError} NO_SPACE */
export function writeFully(fd: number, chunk: Uint8Array): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    throw new EngineError({ kind: "resourceExhausted", code: "NO_SPACE", message: "store data: no space left on device; free some and try again", cause });
  }
}
