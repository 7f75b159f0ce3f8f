import type { DiffId, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { getLayer, type ImageRow } from "../state/image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import { imageIdOf } from "./image-id.ts";
import type { StoredLayer } from "./ingest-layer.ts";
import { mediaTypes, ociLayerType } from "./media-types.ts";
import type { OciImage, OciManifest } from "./oci-image.ts";
import type { ImageReference } from "./reference.ts";
import { storeReceivedImage } from "./store-received-image.ts";

/**
 * Stores an image made here, as `storeReceivedImage` does. `parent` gives the lower layers, `newLayer`, which stays the caller's, is the
 * topmost one.
 * @throws {EngineError} as `storeReceivedImage`
 */
export function storeImage(
  host: ImageHost,
  image: OciImage,
  options: { readonly newLayer: StoredLayer; readonly parent?: ImageRow; readonly reference?: ImageReference },
): ImageId {
  const { newLayer, parent, reference } = options;
  const config = JSON.stringify(image);
  const layers = [...(parent === undefined ? [] : layersOf(host, parent)), newLayer];
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: {
      mediaType: mediaTypes.config,
      digest: imageIdOf(config) as string as OciManifest["config"]["digest"],
      size: Buffer.byteLength(config),
    },
    layers: layers.map(({ descriptor: { mediaType, digest, size } }) => ({ mediaType: ociLayerType(mediaType), digest, size })),
  };
  return storeReceivedImage(host, {
    config: Buffer.from(config),
    manifest: Buffer.from(JSON.stringify(manifest)),
    mediaType: mediaTypes.manifest,
    layers,
    references: reference === undefined ? [] : [reference],
    ...(parent === undefined ? {} : { parent }),
  });
}

export function readManifest(host: ImageHost, image: ImageRow): OciManifest {
  return JSON.parse(host.content.read(image.manifestDigest).toString("utf8")) as OciManifest;
}

function layersOf(host: ImageHost, image: ImageRow): StoredLayer[] {
  return readManifest(host, image).layers.map((descriptor, at) => {
    const diffId = image.layers[at];
    const row = diffId === undefined ? undefined : getLayer(host.store, diffId);
    if (row === undefined) throw damaged(diffId);
    return { descriptor, row };
  });
}

function damaged(diffId: DiffId | undefined): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "LAYER_NOT_FOUND",
    message: `store image: its layer \`${diffId}\` is not there (any more); make it again`,
  });
}
