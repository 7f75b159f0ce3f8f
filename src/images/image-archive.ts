import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { IngestedLayer, IngestOptions } from "./ingest-layer.ts";

/** Files of JSON in an archive: none is larger, and all together have a limit, since they are in memory. */
export const maxDocumentBytes = 4 * 1024 * 1024;

/** No archive of images has more; a root file system soon does. */
export const maxArchiveFiles = 100_000;

/** An archive of images: a tar whose files are named by what is in them. Paths are clean and relative; links have been followed. */
export interface ImageArchive extends AsyncDisposable {
  /** A small file; undefined when there is none of that name. @throws {EngineError} ARCHIVE_INVALID when it is too large */
  read(path: string): Promise<Buffer | undefined>;
  /**
   * The layer in that file, in the store. Stays the archive's, which lets go of it when it is disposed of.
   * @throws {EngineError} ARCHIVE_INVALID when there is none of that name; what `ingestLayer` throws
   */
  layer(path: string, options: IngestOptions): Promise<IngestedLayer>;
}

export function invalidArchive(problem: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "ARCHIVE_INVALID", message: `load archive: ${problem}` });
}

export function missingFile(path: string): EngineError {
  return invalidArchive(`it names \`${path}\`, which is not in it; the archive is incomplete`);
}

export function documentTooLarge(path: string): EngineError {
  return invalidArchive(`\`${path}\` is larger than the ${maxDocumentBytes} bytes that are taken`);
}

export function tooManyFiles(): EngineError {
  return invalidArchive(
    `more than ${maxArchiveFiles} files: this is no archive of images; a root file system is brought in with wherry import`,
  );
}

/** What a layer is called in news: by its digest as far as that is known before it has been read. */
export function nameOf(path: string, options: IngestOptions = {}): Digest {
  const hex = /[0-9a-f]{64}/.exec(path)?.[0] ?? "0".repeat(64);
  const known: string = options.expected?.digest ?? options.diffId ?? `sha256:${hex}`;
  return known as Digest;
}

/** Links of an archive, by path. */
export class ArchiveLinks {
  readonly #targets = new Map<string, string>();

  /** @param target as the entry has it: a hard link's from the root, a symlink's from its directory. */
  add(path: string, type: "symlink" | "hardlink", target: string): void {
    if (type === "hardlink") this.#targets.set(path, target);
    else if (!target.startsWith("/")) this.#targets.set(path, joinPath(path.split("/").slice(0, -1), target));
  }

  /** Where a name leads; undefined for a link that leads round or out. */
  resolve(path: string): string | undefined {
    let at = path;
    for (let hops = 0; hops < 40; hops++) {
      const target = this.#targets.get(at);
      if (target === undefined) return at;
      at = target;
    }
    return undefined;
  }

  delete(path: string): void {
    this.#targets.delete(path);
  }
}

function joinPath(directory: readonly string[], target: string): string {
  const parts = [...directory];
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    // No file has that name: the link leads out of the archive.
    else if (parts.pop() === undefined) return "..";
  }
  return parts.join("/");
}
