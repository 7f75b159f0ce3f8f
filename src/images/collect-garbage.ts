import { faultPoint } from "../core/fault-point.ts";
import { deleteLayer, listKeptLayers, listUsedBlobs, listUnusedLayers } from "../state/image-rows.ts";
import { deleteUnusedLayerBlobs } from "../state/received-image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import { dropStaleLeases } from "./layer-lease.ts";
import { removeDropped } from "./remove-dropped.ts";

/**
 * Removes layers and blobs that nothing names any more, and what crashed processes have left half done. A layer appears under a lease and a
 * blob inside the transaction that records it or its lease; so what no row names, looked at inside a transaction, is garbage, whoever left it.
 * A transaction of its own, after the one that deleted rows: a crash at any point leaves garbage for the next call, never an image
 * whose files are gone.
 */
export async function collectGarbage(host: ImageHost): Promise<void> {
  const { store, layers, content } = host;
  const deletions: (() => Promise<void>)[] = [];
  const collect = (): void => {
    dropStaleLeases(store);
    for (const diffId of listUnusedLayers(store)) deleteLayer(store, diffId);
    const kept = listKeptLayers(store);
    for (const diffId of layers.list()) if (!kept.has(diffId)) deletions.push(layers.detach(diffId));
    deleteUnusedLayerBlobs(store);
    removeDropped(host);
    const used = listUsedBlobs(store);
    for (const digest of content.list()) if (!used.has(digest)) content.remove(digest);
  };
  // What a first attempt has detached is not found again, but its files are still to be deleted.
  store.evenWhenFull(() => store.transaction(collect));
  faultPoint("garbage-detached");
  for (const deleteFiles of deletions) await deleteFiles();
  content.collect();
  await layers.collect();
}
