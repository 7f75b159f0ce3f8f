import type { BlobWriter } from "../content/blob-writer.ts";
import type { ContainerPath, DiffId, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { timestampNow } from "../core/timestamp.ts";
import { readLayeredFiles } from "../layers/lookup.ts";
import { getLayer, type ImageRow, insertBlob, insertImage, insertLayer, type LayerRow, setReference } from "../state/image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import { imageIdOf } from "./image-id.ts";
import { mediaTypes, type OciDescriptor, type OciImage, type OciManifest } from "./oci-image.ts";
import { canonicalReference, type ImageReference } from "./reference.ts";

/** A layer whose tree the driver has, under a lease of ours; its blob is written but perhaps not published yet. */
export interface NewLayer {
  readonly row: LayerRow;
  readonly mediaType: string;
  readonly blob: BlobWriter;
}

/**
 * Stores an image whose layers are all in the driver, durably and at once: blobs, layers, image and reference become visible in
 * one transaction. Idempotent. `parent` gives the lower layers' blobs, `newLayer` the topmost one's.
 */
export function storeImage(
  host: ImageHost,
  image: OciImage,
  options: { readonly newLayer: NewLayer; readonly parent?: ImageRow; readonly reference?: ImageReference },
): ImageId {
  const { newLayer, parent } = options;
  const config = JSON.stringify(image);
  const id = imageIdOf(config);
  const diffIds = image.rootfs.diff_ids;
  const rows = [...(parent?.layers ?? []).map((diffId) => layerRow(host, diffId)), newLayer.row];
  const [passwd, group] = readLayeredFiles(host.launcher, host.layers.lowers(diffIds), [
    "/etc/passwd" as ContainerPath,
    "/etc/group" as ContainerPath,
  ]);
  using configBlob = host.content.begin();
  configBlob.write(Buffer.from(config));
  using manifestBlob = host.content.begin();
  const { digest, sizeBytes } = configBlob.finish();
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest, size: sizeBytes },
    layers: [...(parent === undefined ? [] : readManifest(host, parent).layers), layerDescriptor(newLayer)],
  };
  manifestBlob.write(Buffer.from(JSON.stringify(manifest)));
  const manifestDigest = manifestBlob.finish().digest;
  host.store.durably(() => {
    for (const diffId of diffIds) {
      if (!host.layers.has(diffId)) throw damaged(diffId);
    }
    for (const blob of [newLayer.blob, configBlob, manifestBlob]) blob.publish();
    faultPoint("image-blob-stored");
    for (const row of rows) insertLayer(host.store, row);
    insertImage(host.store, {
      id,
      createdAt: image.created ?? timestampNow(),
      config,
      manifestDigest,
      parent: parent?.id ?? "",
      layers: diffIds,
      sizeBytes: rows.reduce((sum, row) => sum + row.sizeBytes, 0),
      passwd: passwd?.toString("utf8") ?? "",
      group: group?.toString("utf8") ?? "",
    });
    for (const blob of [manifestDigest, digest, ...manifest.layers.map((layer) => layer.digest)]) insertBlob(host.store, id, blob);
    if (options.reference !== undefined) setReference(host.store, canonicalReference(options.reference), id);
  });
  faultPoint("image-recorded");
  return id;
}

export function readManifest(host: ImageHost, image: ImageRow): OciManifest {
  return JSON.parse(host.content.read(image.manifestDigest).toString("utf8")) as OciManifest;
}

function layerDescriptor(layer: NewLayer): OciDescriptor {
  const { digest, sizeBytes } = layer.blob.finish();
  return { mediaType: layer.mediaType, digest, size: sizeBytes };
}

function layerRow(host: ImageHost, diffId: DiffId): LayerRow {
  const row = getLayer(host.store, diffId);
  if (row === undefined) throw damaged(diffId);
  return row;
}

function damaged(diffId: DiffId): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "LAYER_NOT_FOUND",
    message: `store image: its layer \`${diffId}\` is not there (any more); make it again`,
  });
}
