import { neverTimestamp } from "../core/timestamp.ts";
import { getImage, getLayer, type ImageRow } from "../state/image-rows.ts";
import type { Store } from "../state/store.ts";
import type { ImageHistoryEntry } from "./image-view.ts";
import { type OciHistory, parseImage } from "./oci-image.ts";
import { findImage } from "./resolve-image.ts";

/** Newest step first. A step's id is that of the local image it made, or `<missing>`. @throws {EngineError} IMAGE_NOT_FOUND */
export function imageHistory(store: Store, reference: string): ImageHistoryEntry[] {
  const row = findImage(store, reference);
  const image = parseImage(row.config);
  // An image without history still tells its layers.
  const history: readonly OciHistory[] = image.history ?? row.layers.map(() => ({}));
  const ids = stepIds(store, row);
  let layer = 0;
  const entries = history.map((step, index): ImageHistoryEntry => {
    const emptyLayer = step.empty_layer === true;
    const diffId = emptyLayer ? undefined : row.layers[layer++];
    return {
      id: ids.get(index) ?? "<missing>",
      createdAt: new Date(step.created || neverTimestamp),
      createdBy: step.created_by ?? "",
      sizeBytes: diffId === undefined ? 0 : (getLayer(store, diffId)?.sizeBytes ?? 0),
      comment: step.comment ?? "",
      emptyLayer,
    };
  });
  return entries.reverse();
}

/** Which step, counted from the oldest, each image of the line of parents made last. */
function stepIds(store: Store, row: ImageRow): Map<number, string> {
  const ids = new Map<number, string>();
  for (
    let image: ImageRow | undefined = row;
    image !== undefined;
    image = image.parent === "" ? undefined : getImage(store, image.parent)
  ) {
    const steps = parseImage(image.config).history?.length ?? image.layers.length;
    ids.set(steps - 1, image.id);
  }
  return ids;
}
