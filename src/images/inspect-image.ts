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
    author: image.author ?? "",
    comment: image.comment ?? "",
    architecture: image.architecture ?? "",
    os: image.os ?? "",
    layers: row.layers,
    config: toImageConfig(image.config),
  };
}
