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
/** What somebody else has written is read in such pieces. */
const chunkBytes = 256 * 1024;

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
  #chunk: Buffer | undefined;
  #described: BlobDescriptor | undefined;
  #synced = false;
  #published = false;

  constructor(path: HostPath, nameOf: (digest: Digest) => HostPath, expected?: BlobDescriptor) {
    this.path = path;
    this.#nameOf = nameOf;
    this.#expected = expected;
    this.#fd = openSync(path, "wx+", 0o600);
  }

  /** So far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes the next `length` bytes, which somebody else has put into the file. */
  takeWritten(length: number): void {
    const chunk = (this.#chunk ??= Buffer.allocUnsafeSlow(chunkBytes));
    for (let left = length; left > 0; ) {
      const n = readSync(this.#fd, chunk, 0, Math.min(left, chunk.length), this.#sizeBytes);
      if (n === 0) throw new RangeError("the blob's file is shorter than it was said to be");
      this.#hash.update(chunk.subarray(0, n));
      this.#sizeBytes += n;
      left -= n;
    }
    if (this.#sizeBytes - this.#flushedBytes >= flushBytes) this.flush();
  }

  /** @throws {EngineError} BLOB_TOO_LARGE once more than expected arrives, NO_SPACE. */
  write(chunk: Uint8Array): void {
    const at = this.#sizeBytes;
    this.#sizeBytes += chunk.length;
    if (this.#expected !== undefined && this.#sizeBytes > this.#expected.sizeBytes) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "BLOB_TOO_LARGE",
        message: `store blob \`${this.#expected.digest}\`: more than the ${this.#expected.sizeBytes} bytes announced`,
      });
    }
    this.#hash.update(chunk);
    writeFully(this.#fd, chunk, at);
    if (this.#sizeBytes - this.#flushedBytes >= flushBytes) this.flush();
  }

  /**
   * Has what was written so far sent to the disk in the background: `finish` then waits for less. By a descriptor of its own, which outlives
   * ours; what goes wrong `finish` is told as well.
   */
  flush(): void {
    if (this.#flushing || this.#synced) return;
    const fd = openSync(this.path, "r");
    this.#flushing = true;
    this.#flushedBytes = this.#sizeBytes;
    fdatasync(fd, () => {
      this.#flushing = false;
      closeSync(fd);
    });
  }

  /**
   * Verifies what was written; nothing more may be. Idempotent.
   * @throws {EngineError} BLOB_DIGEST_MISMATCH; the temporary file is gone then.
   */
  seal(): BlobDescriptor {
    if (this.#described !== undefined) return this.#described;
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
    this.#described = { digest, sizeBytes: this.#sizeBytes };
    return this.#described;
  }

  /**
   * Verifies what was written and brings it to disk; it has no name yet. Idempotent.
   * @throws {EngineError} BLOB_DIGEST_MISMATCH; the temporary file is gone then.
   */
  finish(): BlobDescriptor {
    const described = this.seal();
    if (this.#synced) return described;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    this.#fd = -1;
    this.#synced = true;
    return described;
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

/** All of `chunk`, to that place of the file; write(2) may take less. @throws {EngineError} NO_SPACE */
export function writeFully(fd: number, chunk: Uint8Array, position: number): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at, chunk.length - at, position + at);
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
