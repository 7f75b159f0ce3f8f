import { readFileRange } from "../archive/file-range.ts";
import { readTarFile } from "../archive/tar-file.ts";
import type { Digest } from "../core/brands.ts";
import { counted, type ProgressReport } from "./counted.ts";
import {
  ArchiveLinks,
  documentTooLarge,
  type ImageArchive,
  maxArchiveFiles,
  maxDocumentBytes,
  missingFile,
  nameOf,
  tooManyFiles,
} from "./image-archive.ts";
import type { ImageHost } from "./image-host.ts";
import { type IngestedLayer, type IngestOptions, ingestLayer } from "./ingest-layer.ts";

interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** An archive that is an uncompressed regular file: what is wanted is read where it lies, what is stored already is not read at all. */
export class FileArchive implements ImageArchive {
  readonly #host: ImageHost;
  readonly #fd: number;
  readonly #files: ReadonlyMap<string, FileRange>;
  readonly #links: ArchiveLinks;
  readonly #layers = new Map<string, Promise<IngestedLayer>>();
  readonly #report: ProgressReport | undefined;

  private constructor(
    host: ImageHost,
    fd: number,
    found: { readonly files: ReadonlyMap<string, FileRange>; readonly links: ArchiveLinks; readonly report: ProgressReport | undefined },
  ) {
    this.#report = found.report;
    this.#host = host;
    this.#fd = fd;
    this.#files = found.files;
    this.#links = found.links;
  }

  /** The descriptor stays the caller's. @throws {EngineError} TAR_INVALID, ARCHIVE_INVALID */
  static open(host: ImageHost, fd: number, report?: ProgressReport): FileArchive {
    const files = new Map<string, FileRange>();
    const links = new ArchiveLinks();
    let count = 0;
    for (const entry of readTarFile(fd)) {
      if (++count > maxArchiveFiles) throw tooManyFiles();
      // Of two entries of one name the later counts, as with every tar.
      files.delete(entry.path);
      links.delete(entry.path);
      if (entry.type === "symlink" || entry.type === "hardlink") links.add(entry.path, entry.type, entry.target);
      const [segment] = entry.segments;
      if (entry.type !== "file" || entry.segments.length > 1 || (segment?.length ?? 0) !== entry.size) continue;
      files.set(entry.path, { offset: segment?.offset ?? 0, length: entry.size });
    }
    return new FileArchive(host, fd, { files, links, report });
  }

  async read(path: string): Promise<Buffer | undefined> {
    const range = this.#find(path);
    if (range === undefined) return undefined;
    if (range.length > maxDocumentBytes) throw documentTooLarge(path);
    return Buffer.concat(await Array.fromAsync(readFileRange(this.#fd, range.offset, range.length)));
  }

  layer(path: string, options: IngestOptions): Promise<IngestedLayer> {
    const range = this.#find(path);
    if (range === undefined) return Promise.reject(missingFile(path));
    const key = `${range.offset} ${options.expected?.digest} ${options.diffId} ${options.mediaType}`;
    let layer = this.#layers.get(key);
    if (layer === undefined) {
      layer = this.#ingest(range, { digest: nameOf(path, options), totalBytes: range.length }, options);
      this.#layers.set(key, layer);
    }
    return layer;
  }

  async #ingest(
    range: FileRange,
    layer: { readonly digest: Digest; readonly totalBytes: number },
    options: IngestOptions,
  ): Promise<IngestedLayer> {
    const bytes = counted(readFileRange(this.#fd, range.offset, range.length), layer, this.#report);
    const ingested = await ingestLayer(this.#host, bytes, options);
    this.#report?.({ kind: "blob", ...layer, state: ingested.reused ? "exists" : "loaded", currentBytes: layer.totalBytes });
    return ingested;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const layer of await Promise.allSettled(this.#layers.values())) {
      if (layer.status === "fulfilled") layer.value[Symbol.dispose]();
    }
  }

  #find(path: string): FileRange | undefined {
    const target = this.#links.resolve(path);
    return target === undefined ? undefined : this.#files.get(target);
  }
}
