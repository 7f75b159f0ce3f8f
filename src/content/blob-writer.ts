import { createHash, type Hash } from "node:crypto";
import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Digest, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/** What a blob turned out to be, or must turn out to be. */
export interface BlobDescriptor {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** So much is written before it is sent to the disk in the background: `finish` then waits for little. */
const flushBytes = 32 * 1024 * 1024;

/** One blob being written. `publish` or disposal ends it; disposal of a published one does nothing. */
export class BlobWriter implements Disposable {
  /** Where the bytes are until `publish`. */
  readonly path: HostPath;
  readonly #nameOf: (digest: Digest) => HostPath;
  readonly #expected: BlobDescriptor | undefined;
  readonly #hash: Hash = createHash("sha256");
  #fd: number;
  #sizeBytes = 0;
  #flushedBytes = 0;
  #flushing = false;
  #finished: BlobDescriptor | undefined;
  #published = false;

  /** @param options `adopt`: the file is there already, and is taken over with what it holds. */
  constructor(
    path: HostPath,
    nameOf: (digest: Digest) => HostPath,
    options: { readonly expected?: BlobDescriptor; readonly adopt?: boolean } = {},
  ) {
    this.path = path;
    this.#nameOf = nameOf;
    this.#expected = options.expected;
    this.#fd = openSync(path, options.adopt === true ? "r+" : "wx", 0o600);
    if (options.adopt === true) this.#readAll();
  }

  #readAll(): void {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    for (let n = readSync(this.#fd, chunk); n > 0; n = readSync(this.#fd, chunk)) {
      this.#hash.update(chunk.subarray(0, n));
      this.#sizeBytes += n;
    }
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
    if (this.#sizeBytes - this.#flushedBytes >= flushBytes && !this.#flushing) this.#flush();
  }

  /** By a descriptor of its own, which outlives ours; what goes wrong `finish` is told as well. */
  #flush(): void {
    const fd = openSync(this.path, "r");
    this.#flushing = true;
    this.#flushedBytes = this.#sizeBytes;
    fdatasync(fd, () => {
      this.#flushing = false;
      closeSync(fd);
    });
  }

  /**
   * Verifies what was written and brings it to disk; it has no name yet. Idempotent.
   * @throws {EngineError} BLOB_DIGEST_MISMATCH; the temporary file is gone then.
   */
  finish(): BlobDescriptor {
    if (this.#finished !== undefined) return this.#finished;
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
    this.#finished = { digest, sizeBytes: this.#sizeBytes };
    return this.#finished;
  }

  /**
   * Gives the finished blob its name. Idempotent: success means that the content is stored, whoever wrote it. Quick, so that it
   * can be done inside the transaction that records the blob's use: then nobody removes it in between. With `sync` false, its name
   * survives a power cut once a later one has been synced: for all but the last of several.
   */
  publish(options: { readonly sync?: boolean } = {}): BlobDescriptor {
    const blob = this.finish();
    if (this.#published) return blob;
    const path = this.#nameOf(blob.digest);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(this.path, path);
    this.#published = true;
    if (options.sync !== false) syncDirectory(dirname(path));
    return blob;
  }

  /** Drops what has been written, unless published. */
  [Symbol.dispose](): void {
    if (this.#published) return;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    rmSync(this.path, { force: true });
  }
}

/** All of `chunk`; write(2) may take less. @throws {EngineError} NO_SPACE */
export function writeFully(fd: number, chunk: Uint8Array): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    throw new EngineError({
      kind: "resourceExhausted",
      code: "NO_SPACE",
      message: "store data: no space left on device; free some and try again",
      cause,
    });
  }
}
