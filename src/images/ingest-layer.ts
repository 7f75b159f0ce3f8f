import type { DiffId, Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { deleteDroppedBlob } from "../state/dropped-blobs.ts";
import type { LayerRow } from "../state/image-rows.ts";
import { getLayerBlob, insertLayerBlob } from "../state/received-image-rows.ts";
import { hasBlob } from "./dropped-blobs.ts";
import type { ImageHost } from "./image-host.ts";
import { claimLayer } from "./layer-claim.ts";
import { LayerLease } from "./layer-lease.ts";
import type { OciDescriptor } from "./oci-image.ts";
import { layerMediaType, type ReceivedLayer, type ReceiveOptions, receiveLayer } from "./receive-layer.ts";

export interface IngestOptions extends ReceiveOptions {
  /** What the layer must unpack to. */
  readonly diffId?: DiffId;
}

/** A layer that driver and content store hold, and by which blob. */
export interface StoredLayer {
  readonly descriptor: OciDescriptor;
  readonly row: LayerRow;
}

/** One that nothing removes until this is disposed of: store an image that names it before. */
export interface IngestedLayer extends StoredLayer, Disposable {
  /** It was there already: nothing has been read. */
  readonly reused: boolean;
}

/**
 * Brings a layer into the store: its blob as received, verified as it streams; its tree in the layer driver. Memory is bounded whatever
 * its size. A layer that is stored already, known by `expected` or by a `diffId` whose plain tar it is, is taken without reading
 * `bytes`; of several at once, in whatever process, one does the work and the others wait for it. On failure nothing is left.
 * @throws {EngineError} what `receiveLayer` and `LayerDriver.add` throw; LAYER_DIFF_ID_MISMATCH
 */
export async function ingestLayer(host: ImageHost, bytes: AsyncIterable<Uint8Array>, options: IngestOptions = {}): Promise<IngestedLayer> {
  const key = options.expected?.digest ?? options.diffId;
  using _claim = key === undefined ? undefined : await claimLayer(host.store, key, options.signal);
  const stored = takeStoredLayer(host, options);
  if (stored !== undefined) return stored;
  using received = await receiveLayer(host.content, bytes, options);
  faultPoint("image-received");
  const { diffId } = received;
  // Before it waits for another claim: two layers that are each other's would wait for ever.
  if (options.diffId !== undefined && options.diffId !== diffId) throw diffIdMismatch(options.diffId, diffId);
  using _unpacking = key === diffId ? undefined : await claimLayer(host.store, diffId, options.signal);
  return await addReceivedLayer(host, received, options);
}

/**
 * Puts a layer that has been received into the driver and its blob into the content store.
 * @throws {EngineError} LAYER_DIFF_ID_MISMATCH, what `LayerDriver.add` throws
 */
export async function addReceivedLayer(
  host: ImageHost,
  received: ReceivedLayer,
  options: { readonly diffId?: DiffId; readonly signal?: AbortSignal } = {},
): Promise<IngestedLayer> {
  const { diffId, blob, tarPath, tarBytes, compression, mediaType, tree } = received;
  if (options.diffId !== undefined && options.diffId !== diffId) throw diffIdMismatch(options.diffId, diffId);
  const lease = new LayerLease(host.store, diffId);
  try {
    // While the driver makes its own files of it.
    blob.flush();
    const row = await host.layers.add(diffId, tarPath, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(tree === undefined ? {} : { tree }),
    });
    faultPoint("image-layer-added");
    const { digest, sizeBytes } = blob.finish();
    host.store.transaction(() => {
      // The image's own blobs, which lie in the same directory, are synced when it is stored.
      blob.publish({ sync: false });
      lease.keepBlob(digest);
      deleteDroppedBlob(host.store, digest);
      insertLayerBlob(host.store, { digest, diffId, compression, sizeBytes, tarBytes, contentBytes: row.sizeBytes });
    });
    faultPoint("image-blob-stored");
    return ingested({ descriptor: { mediaType, digest, size: sizeBytes }, row, lease, reused: false });
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

/** The layer if driver and content store have it, under a lease; what its blob unpacks to was verified when it was stored. */
export function takeStoredLayer(host: ImageHost, wanted: IngestOptions): IngestedLayer | undefined {
  // A plain tar is its own blob.
  const digest = wanted.expected?.digest ?? (wanted.diffId as string | undefined as Digest | undefined);
  if (digest === undefined) return undefined;
  return host.store.transaction(() => {
    const blob = getLayerBlob(host.store, digest);
    if (blob === undefined || !hasBlob(host, digest) || !host.layers.has(blob.diffId)) return undefined;
    if (wanted.diffId !== undefined && wanted.diffId !== blob.diffId) throw diffIdMismatch(wanted.diffId, blob.diffId);
    const lease = new LayerLease(host.store, blob.diffId);
    lease.keepBlob(digest);
    return ingested({
      descriptor: { mediaType: wanted.mediaType ?? layerMediaType(blob.compression), digest, size: blob.sizeBytes },
      row: { diffId: blob.diffId, sizeBytes: blob.contentBytes },
      lease,
      reused: true,
    });
  });
}

function diffIdMismatch(expected: DiffId, found: DiffId): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "LAYER_DIFF_ID_MISMATCH",
    message: `unpack layer: the image's configuration says \`${expected}\`, the data is \`${found}\`; the image is damaged or forged`,
  });
}

function ingested(layer: StoredLayer & { readonly lease: LayerLease; readonly reused: boolean }): IngestedLayer {
  const { descriptor, row, lease, reused } = layer;
  return { descriptor, row, reused, [Symbol.dispose]: () => lease[Symbol.dispose]() };
}
