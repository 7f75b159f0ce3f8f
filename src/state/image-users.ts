import type { ContainerId, DiffId, ImageId } from "../core/brands.ts";
import type { Store } from "./store.ts";

/** The containers made from an image, or with it mounted, newest first. */
export function listImageUsers(store: Store, image: ImageId): { readonly id: ContainerId; readonly running: boolean }[] {
  const rows = store
    .prepare(
      `SELECT id, status FROM containers
       WHERE image_id = ?1 OR id IN (SELECT container FROM container_images WHERE image = ?1) ORDER BY created_at DESC, id`,
    )
    .all(image);
  return rows.map((row) => ({
    id: String(row["id"]) as ContainerId,
    running: row["status"] === "running" || row["status"] === "paused" || row["status"] === "starting" || row["status"] === "ending",
  }));
}

/** In the transaction that stores the container: the image's layers stay as long as it does. */
export function insertImageMount(
  store: Store,
  container: ContainerId,
  image: { readonly id: ImageId; readonly diffIds: readonly DiffId[] },
): void {
  store
    .prepare("INSERT INTO container_images (container, image, layers) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
    .run(container, image.id, image.diffIds.join(" "));
}
