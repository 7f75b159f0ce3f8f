import type { ContainerId, ImageId } from "../core/brands.ts";
import type { Store } from "./store.ts";

/** The containers made from an image, newest first. */
export function listImageUsers(store: Store, image: ImageId): { readonly id: ContainerId; readonly running: boolean }[] {
  const rows = store.prepare("SELECT id, status FROM containers WHERE image_id = ? ORDER BY created_at DESC, id").all(image);
  return rows.map((row) => ({
    id: String(row["id"]) as ContainerId,
    running: row["status"] === "running" || row["status"] === "paused" || row["status"] === "starting" || row["status"] === "ending",
  }));
}
