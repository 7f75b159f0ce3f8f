import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { deleteDroppedBlob, insertDroppedBlob, isDroppedBlob, listBlobSources, listCompressedBlobs } from "../state/dropped-blobs.ts";
import { getLayerBlob } from "../state/received-image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import { openRepository, type TransferOptions } from "./open-repository.ts";
import { parseReference } from "./reference.ts";
import { removeDropped } from "./remove-dropped.ts";

/** For `WHERRY_KEEP_COMPRESSED`: `0` drops what a pull has received as soon as it is unpacked. */
export const keepsCompressed = (): boolean => process.env["WHERRY_KEEP_COMPRESSED"] !== "0";

/**
 * Removes the compressed layers that can be fetched again: those of images whose registry is known, and whose files the layer driver has.
 * Their digests stay; what wants the bytes again (`push`, `save`) gets them by `fetchDropped`. Resolves with the bytes that are free now.
 */
export function dropCompressed(host: ImageHost): number {
  const { store, content, layers } = host;
  const record = (): void => {
    for (const digest of listCompressedBlobs(store)) {
      const row = getLayerBlob(store, digest);
      if (row === undefined || !layers.has(row.diffId) || listBlobSources(store, digest).length === 0) continue;
      if (content.has(digest)) insertDroppedBlob(store, digest);
    }
  };
  store.evenWhenFull(() => store.durably(record));
  faultPoint("blobs-dropped");
  return store.transaction(() => removeDropped(host));
}

/** Whether the image's blob is at hand, or is known to be elsewhere. */
export function hasBlob({ content, store }: ImageHost, digest: Digest): boolean {
  return content.has(digest) || isDroppedBlob(store, digest);
}

/**
 * Gets a dropped blob back, from wherever an image with it was pulled from or pushed to; nothing to do for one that is here. Only the very
 * bytes are taken.
 * @throws {EngineError} BLOB_DROPPED when no source has it (any more); the signal's reason
 */
export async function fetchDropped(host: ImageHost, digest: Digest, options: TransferOptions = {}): Promise<void> {
  const { content, store } = host;
  if (content.has(digest) || !isDroppedBlob(store, digest)) return;
  const sizeBytes = getLayerBlob(store, digest)?.sizeBytes ?? 0;
  const failures: string[] = [];
  for (const source of listBlobSources(store, digest)) {
    try {
      const repository = await openRepository(parseReference(source), options);
      using _client = repository.client;
      using blob = content.begin({ digest, sizeBytes });
      for await (const chunk of repository.blob({ digest, sizeBytes }, options.signal)) blob.write(chunk);
      blob.finish();
      store.transaction(() => {
        blob.publish();
        deleteDroppedBlob(store, digest);
      });
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof EngineError)) throw error;
      failures.push(error.message);
    }
  }
  throw new EngineError({
    kind: "unavailable",
    code: "BLOB_DROPPED",
    message: `layer \`${digest}\` was dropped to save space and can't be fetched again: ${failures.join("; ") || "no image names a registry that had it"}; pull the image again where that is possible`,
  });
}
