import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync } from "node:fs";
import { type Compression, decompress, detectCompression } from "../archive/compression.ts";
import { type BlobDescriptor, type BlobWriter, writeFully } from "../content/blob-writer.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { DiffId, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { LayerTree } from "../layers/layer-tree.ts";
import { layerTooLarge, maxLayerBytes } from "./layer-limit.ts";
import { mediaTypes } from "./media-types.ts";

interface UnpackedTar {
  readonly diffId: DiffId;
  readonly path: HostPath;
  readonly sizeBytes: number;
}

/** A layer that has arrived: the blob to keep, not published yet, and its uncompressed tar, which may be the same file. */
export class ReceivedLayer implements Disposable {
  readonly blob: BlobWriter;
  readonly diffId: DiffId;
  readonly tarPath: HostPath;
  /** Of the uncompressed tar. */
  readonly tarBytes: number;
  /** Of the blob as it is kept. */
  readonly compression: Compression;
  readonly mediaType: string;
  /** What the tar describes, where that is known already; disposed of with this. */
  readonly tree: LayerTree | undefined;

  constructor(
    blob: BlobWriter,
    tar: UnpackedTar & {
      readonly compression: Compression;
      readonly mediaType?: string | undefined;
      readonly tree?: LayerTree | undefined;
    },
  ) {
    this.blob = blob;
    this.diffId = tar.diffId;
    this.tarPath = tar.path;
    this.tarBytes = tar.sizeBytes;
    this.compression = tar.compression;
    this.mediaType = tar.mediaType ?? layerMediaType(tar.compression);
    this.tree = tar.tree;
  }

  /** A plain tar, which is its own blob. @throws {EngineError} what `BlobWriter.seal` throws */
  static ofTar(
    blob: BlobWriter,
    known: { readonly mediaType?: string | undefined; readonly tree?: LayerTree | undefined } = {},
  ): ReceivedLayer {
    const { digest, sizeBytes } = blob.seal();
    return new ReceivedLayer(blob, { diffId: digest as string as DiffId, path: blob.path, sizeBytes, compression: "none", ...known });
  }

  [Symbol.dispose](): void {
    this.blob[Symbol.dispose]();
    this.tree?.[Symbol.dispose]();
    if (this.tarPath !== this.blob.path) rmSync(this.tarPath, { force: true });
  }
}

export interface ReceiveOptions {
  /** What the blob must be. */
  readonly expected?: BlobDescriptor;
  /** Of the descriptor; absent: what the first bytes tell. */
  readonly mediaType?: string;
  /** Of the uncompressed tar; absent: `maxLayerBytes()`. */
  readonly maxBytes?: number;
  /** An image may have layers without a byte; of an archive for import it is what a program that failed leaves. */
  readonly refuseEmpty?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Takes a layer in, compressed (gzip, zstd; bzip2 and xz by the host's programs) or not, in one pass and with little memory, whatever its
 * size. The blob is kept as it came; bzip2 and xz, which have no media type, are kept as the tar, unless a manifest names the blob. On failure
 * nothing is left.
 * @throws {EngineError} BLOB_DIGEST_MISMATCH, BLOB_TOO_LARGE, COMPRESSION_*, LAYER_INVALID_TAR (empty), LAYER_TOO_LARGE, NO_SPACE;
 * whatever `bytes` throws; the signal's reason when aborted.
 */
export async function receiveLayer(
  content: ContentStore,
  bytes: AsyncIterable<Uint8Array>,
  options: ReceiveOptions = {},
): Promise<ReceivedLayer> {
  const limit = options.maxBytes ?? maxLayerBytes();
  const { compression, chunks } = await peek(abortable(bytes, options.signal));
  const { mediaType } = options;
  const blob = content.begin(options.expected);
  try {
    const hasMediaType = compression === "gzip" || compression === "zstd";
    if (compression === "none" || (!hasMediaType && options.expected === undefined)) {
      const tar = compression === "none" ? chunks : decompress(compression, chunks);
      for await (const chunk of limited(tar, limit)) blob.write(chunk);
      return checked(ReceivedLayer.ofTar(blob, { mediaType }), options);
    }
    const path = content.temporaryPath();
    try {
      const tar = await unpackInto(path, limited(decompress(compression, tee(chunks, blob)), limit));
      blob.finish();
      return checked(new ReceivedLayer(blob, { ...tar, compression, mediaType }), options);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  } catch (error) {
    blob[Symbol.dispose]();
    throw error;
  }
}

/** OCI's, for a blob that came without one. */
export function layerMediaType(compression: Compression): string {
  return compression === "none" ? mediaTypes.layer : `${mediaTypes.layer}+${compression}`;
}

async function unpackInto(path: HostPath, chunks: AsyncIterable<Uint8Array>): Promise<UnpackedTar> {
  const hash = createHash("sha256");
  const fd = openSync(path, "wx", 0o600);
  try {
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      writeFully(fd, chunk, sizeBytes - chunk.length);
    }
    return { diffId: `sha256:${hash.digest("hex")}` as DiffId, path, sizeBytes };
  } finally {
    closeSync(fd);
  }
}

async function* abortable(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function* limited(chunks: AsyncIterable<Uint8Array>, limitBytes: number): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw layerTooLarge(limitBytes);
    yield chunk;
  }
}

async function* tee(chunks: AsyncIterable<Uint8Array>, blob: BlobWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    blob.write(chunk);
    yield chunk;
  }
}

/** Looks at the first bytes and gives them back. */
async function peek(bytes: AsyncIterable<Uint8Array>): Promise<{ compression: Compression; chunks: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 8) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length) : Buffer.concat([head, next.value]);
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { compression: detectCompression(head), chunks: chunks() };
}

function checked(layer: ReceivedLayer, { refuseEmpty }: ReceiveOptions): ReceivedLayer {
  if (refuseEmpty !== true || layer.tarBytes > 0) return layer;
  throw new EngineError({
    kind: "invalidArgument",
    code: "LAYER_INVALID_TAR",
    message: "read layer archive: it is empty; did the program before the pipe fail?",
  });
}
