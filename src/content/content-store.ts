import { readdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import type { Digest, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { type BlobDescriptor, BlobWriter } from "./blob-writer.ts";
import { IngestDirectory } from "./ingest-directory.ts";

/**
 * Blobs named by their SHA-256, as received: `root/content/sha256/HEX`. Several processes may use one store; adding is
 * idempotent. A blob is written to `ingest/`, fsynced and renamed: a crash never leaves a partial blob under its name.
 * Whether a blob is still wanted is not this store's business.
 */
export class ContentStore {
  readonly #directory: string;
  readonly #ingest: IngestDirectory;

  constructor(root: string) {
    this.#directory = `${root}/content`;
    this.#ingest = new IngestDirectory(`${this.#directory}/ingest` as HostPath);
  }

  /** Begins a blob; with `expected`, nothing else is accepted. */
  begin(expected?: BlobDescriptor): BlobWriter {
    return new BlobWriter(this.#ingest.newPath(), (digest) => this.path(digest), expected);
  }

  /** Stores bytes that are at hand. */
  put(bytes: Uint8Array): BlobDescriptor {
    using writer = this.begin();
    writer.write(bytes);
    return writer.publish();
  }

  has(digest: Digest): boolean {
    return statSync(this.path(digest), { throwIfNoEntry: false }) !== undefined;
  }

  /** All that are stored. */
  list(): readonly Digest[] {
    try {
      const names = readdirSync(`${this.#directory}/sha256`).filter((name) => /^[0-9a-f]{64}$/.test(name));
      return names.map((name) => `sha256:${name}` as Digest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  /** @throws {EngineError} BLOB_NOT_FOUND */
  read(digest: Digest): Buffer {
    try {
      return readFileSync(this.path(digest));
    } catch (cause) {
      throw new EngineError({ kind: "notFound", code: "BLOB_NOT_FOUND", message: `read blob \`${digest}\`: it is not stored`, cause });
    }
  }

  /** Idempotent. */
  remove(digest: Digest): void {
    try {
      unlinkSync(this.path(digest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Where the blob is, or would be. @throws {EngineError} INVALID_DIGEST, so that no digest from outside becomes a path. */
  path(digest: Digest): HostPath {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw new EngineError({ kind: "invalidArgument", code: "INVALID_DIGEST", message: `\`${digest}\` is not a sha256 digest` });
    }
    return `${this.#directory}/sha256/${digest.slice(7)}` as HostPath;
  }

  /** A path for a file that is wanted only meanwhile; the caller makes and removes it, `collect` what it leaves. */
  temporaryPath(): HostPath {
    return this.#ingest.newPath();
  }

  /** What crashed processes have left, and `collect` removes. */
  abandoned(): readonly HostPath[] {
    return this.#ingest.abandoned();
  }

  /** Removes what crashed processes have left in `ingest/`. */
  collect(): void {
    for (const path of this.abandoned()) {
      try {
        unlinkSync(path);
      } catch {
        // another process collects at the same time
      }
    }
  }
}
