import type { Store } from "../state/store.ts";
import type { ImageDetails } from "./image-view.ts";
import { summarizeImage } from "./list-images.ts";
import { parseImage, toImageConfig } from "./oci-image.ts";
import { findImage } from "./resolve-image.ts";

/** @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS */
export function inspectImage(store: Store, reference: string): ImageDetails {
  const row = findImage(store, reference);
  const image = parseImage(row.config);
  return {
    ...summarizeImage(store, row),
    created: row.createdAt,
    parent: row.parent,
    author: image.author ?? "",
    // As docker: BuildKit and buildah comment steps alone.
    comment: image.comment || (image.history?.at(-1)?.comment ?? ""),
    dockerVersion: image.docker_version ?? "",
    architecture: image.architecture ?? "",
    variant: image.variant ?? "",
    os: image.os ?? "",
    layers: row.layers,
    config: toImageConfig(image.config),
  };
}
