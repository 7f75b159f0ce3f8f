import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync } from "node:fs";
import { type Compression, decompress, detectCompression } from "../archive/compression.ts";
import { type BlobWriter, writeFully } from "../content/blob-writer.ts";
import type { DiffId, HostPath, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { timestampNow } from "../core/timestamp.ts";
import { applyChanges } from "./apply-changes.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { LayerLease } from "./layer-lease.ts";
import { hostArchitecture, mediaTypes, type OciImageConfig } from "./oci-image.ts";
import { parseReference } from "./reference.ts";
import { storeImage } from "./store-image.ts";

export interface ImportOptions {
  readonly reference?: string;
  readonly message?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  /** `os/architecture[/variant]`; the host's when absent. */
  readonly platform?: string;
  /** RFC 3339; now when absent. Given, two imports of one archive make one image. */
  readonly createdAt?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of one layer from the archive of a root file system, compressed or not. The archive is kept as received, so that
 * its digest survives a push. On failure nothing is left.
 * @throws {EngineError} INVALID_REFERENCE, INVALID_CHANGE, LAYER_INVALID_TAR, COMPRESSION_*, LAYER_NO_SPACE, NO_SPACE
 */
export async function importImage(host: ImageHost, archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageId> {
  const reference = options.reference === undefined || options.reference === "" ? undefined : parseReference(options.reference);
  const config: OciImageConfig = applyChanges({}, options.changes ?? []);
  const [os = "linux", architecture = hostArchitecture(), variant] = (options.platform ?? "").split("/").filter((part) => part !== "");
  await collectGarbage(host);
  using received = await receive(host, archive);
  faultPoint("image-received");
  using lease = new LayerLease(host.store, received.diffId);
  const layer = await host.layers.add(lease.diffId, received.tarPath, options.signal === undefined ? {} : { signal: options.signal });
  faultPoint("image-layer-added");
  const created = options.createdAt ?? timestampNow();
  return storeImage(
    host,
    {
      created,
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      ...(options.message === undefined || options.message === "" ? {} : { comment: options.message }),
      config,
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
      history: [{ created, comment: options.message === undefined || options.message === "" ? "Imported from -" : options.message }],
    },
    {
      ...(reference === undefined ? {} : { reference }),
      newLayer: { row: layer, mediaType: received.mediaType, blob: received.blob },
    },
  );
}

/** An archive that has arrived: the blob to keep and the uncompressed tar, which may be the same file. */
class Received implements Disposable {
  readonly blob: BlobWriter;
  readonly diffId: DiffId;
  readonly tarPath: HostPath;
  readonly mediaType: string;

  constructor(blob: BlobWriter, tar: { readonly diffId: DiffId; readonly path: HostPath; readonly mediaType: string }) {
    this.blob = blob;
    this.diffId = tar.diffId;
    this.tarPath = tar.path;
    this.mediaType = tar.mediaType;
  }

  [Symbol.dispose](): void {
    this.blob[Symbol.dispose]();
    if (this.tarPath !== this.blob.path) rmSync(this.tarPath, { force: true });
  }
}

async function receive(host: ImageHost, archive: AsyncIterable<Uint8Array>): Promise<Received> {
  const { compression, chunks } = await peek(archive);
  const blob = host.content.begin();
  try {
    if (compression === "none") {
      for await (const chunk of chunks) blob.write(chunk);
      return new Received(blob, { diffId: diffIdOf(blob), path: blob.path, mediaType: mediaTypes.layer });
    }
    // bzip2 and xz have no media type: what is kept is the tar itself.
    const keep = compression === "gzip" || compression === "zstd";
    if (!keep) {
      for await (const chunk of decompress(compression, chunks)) blob.write(chunk);
      return new Received(blob, { diffId: diffIdOf(blob), path: blob.path, mediaType: mediaTypes.layer });
    }
    const path = host.content.temporaryPath();
    try {
      const diffId = await unpackInto(path, decompress(compression, tee(chunks, blob)));
      return new Received(blob, { diffId, path, mediaType: `${mediaTypes.layer}+${compression}` });
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  } catch (error) {
    blob[Symbol.dispose]();
    throw error;
  }
}

function diffIdOf(blob: BlobWriter): DiffId {
  const { digest, sizeBytes } = blob.finish();
  if (sizeBytes === 0) throw emptyArchive();
  return digest as string as DiffId;
}

async function unpackInto(path: HostPath, chunks: AsyncIterable<Uint8Array>): Promise<DiffId> {
  const hash = createHash("sha256");
  const fd = openSync(path, "wx", 0o600);
  try {
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      writeFully(fd, chunk);
    }
    if (sizeBytes === 0) throw emptyArchive();
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest("hex")}` as DiffId;
}

async function* tee(chunks: AsyncIterable<Uint8Array>, blob: BlobWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    blob.write(chunk);
    yield chunk;
  }
}

/** Looks at the first bytes and gives them back. */
async function peek(archive: AsyncIterable<Uint8Array>): Promise<{ compression: Compression; chunks: AsyncIterable<Uint8Array> }> {
  const iterator = archive[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 8) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.length === 0) throw emptyArchive();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { compression: detectCompression(head), chunks: chunks() };
}

function emptyArchive(): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "LAYER_INVALID_TAR",
    message: "import archive: it is empty; did the program before the pipe fail?",
  });
}
