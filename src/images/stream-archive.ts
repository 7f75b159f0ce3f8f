import { ByteSource } from "../archive/byte-source.ts";
import { detectCompression } from "../archive/compression.ts";
import { parseHeader } from "../archive/tar-header.ts";
import { readTarStream } from "../archive/tar-stream.ts";
import type { Digest } from "../core/brands.ts";
import { counted, type ProgressReport } from "./counted.ts";
import {
  ArchiveLinks,
  documentTooLarge,
  type ImageArchive,
  invalidArchive,
  maxArchiveFiles,
  maxDocumentBytes,
  missingFile,
  nameOf,
  tooManyFiles,
} from "./image-archive.ts";
import type { ImageHost } from "./image-host.ts";
import { addReceivedLayer, type IngestedLayer, type IngestOptions, takeStoredLayer } from "./ingest-layer.ts";
import { claimLayer } from "./layer-claim.ts";
import type { LoadOptions } from "./load-options.ts";
import { type ReceivedLayer, receiveLayer } from "./receive-layer.ts";

const maxDocumentsBytes = 64 * 1024 * 1024;

/** An archive that comes as a stream. Layers go straight into the content store as they pass, wanted or not: what they are told of comes last. */
export class StreamArchive implements ImageArchive {
  readonly #host: ImageHost;
  readonly #documents = new Map<string, Buffer>();
  readonly #layers = new Map<string, ReceivedLayer>();
  /** Too large for a document, and not a layer. */
  readonly #others = new Set<string>();
  readonly #links = new ArchiveLinks();
  readonly #added = new Map<ReceivedLayer, Promise<IngestedLayer>>();
  readonly #taken: IngestedLayer[] = [];
  readonly #report: ProgressReport | undefined;
  #documentsBytes = 0;

  private constructor(host: ImageHost, report: ProgressReport | undefined) {
    this.#host = host;
    this.#report = report;
  }

  /** Reads the whole stream. @throws {EngineError} TAR_INVALID, ARCHIVE_INVALID, what `receiveLayer` throws; nothing is left then. */
  static async receive(host: ImageHost, bytes: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<StreamArchive> {
    const { signal } = options;
    const archive = new StreamArchive(host, options.onProgress);
    try {
      let count = 0;
      for await (const { entry, data } of readTarStream(bytes)) {
        signal?.throwIfAborted();
        if (++count > maxArchiveFiles) throw tooManyFiles();
        archive.#forget(entry.path);
        if (entry.type === "symlink" || entry.type === "hardlink") archive.#links.add(entry.path, entry.type, entry.target);
        if (entry.type === "file") await archive.#take(entry.path, entry.size, data(), signal);
      }
      return archive;
    } catch (error) {
      await archive[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #take(path: string, size: number, data: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
    const source = new ByteSource(data);
    const head = await source.take(512);
    const bytes = prepend(head, source.rest());
    if (looksLikeLayer(head)) {
      const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
      const expected = hex === undefined ? undefined : { digest: `sha256:${hex}` as Digest, sizeBytes: size };
      const options = { ...(expected === undefined ? {} : { expected }), ...(signal === undefined ? {} : { signal }) };
      const layer = { digest: nameOf(path), totalBytes: size };
      const received = await receiveLayer(this.#host.content, counted(bytes, layer, this.#report), options);
      this.#layers.set(path, received);
      // There may be a great many, and each keeps its descriptor until then.
      received.blob.finish();
      this.#report?.({ kind: "blob", ...layer, state: "loaded", currentBytes: size });
    } else if (size > maxDocumentBytes) {
      this.#others.add(path);
    } else {
      this.#documentsBytes += size;
      if (this.#documentsBytes > maxDocumentsBytes) throw invalidArchive("more than 64 MiB of files that are no layers");
      this.#documents.set(path, Buffer.concat(await Array.fromAsync(bytes)));
    }
  }

  async read(path: string): Promise<Buffer | undefined> {
    const target = this.#links.resolve(path);
    if (target === undefined) return undefined;
    if (this.#others.has(target) || this.#layers.has(target)) throw documentTooLarge(path);
    return this.#documents.get(target);
  }

  async layer(path: string, options: IngestOptions): Promise<IngestedLayer> {
    const target = this.#links.resolve(path);
    const received = target === undefined ? undefined : this.#layers.get(target);
    if (received === undefined)
      throw this.#documents.has(path) ? invalidArchive(`\`${path}\` is no layer: neither a tar nor compressed`) : missingFile(path);
    let adding = this.#added.get(received);
    if (adding === undefined) {
      adding = this.#add(received, options);
      this.#added.set(received, adding);
    }
    const added = await adding;
    const { mediaType = added.descriptor.mediaType } = options;
    return { ...added, descriptor: { ...added.descriptor, mediaType } };
  }

  async #add(received: ReceivedLayer, options: IngestOptions): Promise<IngestedLayer> {
    const { diffId } = received;
    using _claim = await claimLayer(this.#host.store, diffId, options.signal);
    const { digest, sizeBytes } = received.blob.finish();
    const stored = takeStoredLayer(this.#host, { ...options, expected: { digest, sizeBytes } });
    const layer = stored ?? (await addReceivedLayer(this.#host, received, options));
    this.#taken.push(layer);
    return layer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#added.values());
    for (const layer of this.#taken) layer[Symbol.dispose]();
    for (const layer of this.#layers.values()) layer[Symbol.dispose]();
  }

  #forget(path: string): void {
    this.#documents.delete(path);
    this.#others.delete(path);
    this.#links.delete(path);
    this.#layers.get(path)?.[Symbol.dispose]();
    this.#layers.delete(path);
  }
}

/** A tar, an empty one too, or something compressed; a document is text. */
function looksLikeLayer(head: Buffer): boolean {
  if (detectCompression(head) !== "none") return true;
  if (head.length < 512) return false;
  try {
    parseHeader(head);
    return true;
  } catch {
    return false;
  }
}

async function* prepend(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* rest;
}
