import type { Digest } from "../core/brands.ts";
import type { Store } from "./store.ts";

/** Third part of images: blobs that images have, but the content store does not any more, since they can be fetched again. */
export const droppedBlobTable = `
  CREATE TABLE dropped_blobs (
    digest TEXT PRIMARY KEY REFERENCES layer_blobs (digest) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
`;

export function insertDroppedBlob(store: Store, digest: Digest): void {
  store.prepare("INSERT INTO dropped_blobs (digest) VALUES (?) ON CONFLICT DO NOTHING").run(digest);
}

export function deleteDroppedBlob(store: Store, digest: Digest): void {
  store.prepare("DELETE FROM dropped_blobs WHERE digest = ?").run(digest);
}

export function isDroppedBlob(store: Store, digest: Digest): boolean {
  return store.prepare("SELECT 1 FROM dropped_blobs WHERE digest = ?").get(digest) !== undefined;
}

/** All but those under a lease, which somebody may be reading. */
export function listDroppedBlobs(store: Store): Digest[] {
  const rows = store.prepare("SELECT digest FROM dropped_blobs WHERE digest NOT IN (SELECT digest FROM blob_leases) ORDER BY digest").all();
  return rows.map((row) => String(row["digest"]) as Digest);
}

/** Compressed layers that images have and somebody may be reading: all but those under a lease. */
export function listCompressedBlobs(store: Store): Digest[] {
  const rows = store
    .prepare(
      `SELECT l.digest FROM layer_blobs l WHERE l.compression <> 'none'
         AND EXISTS (SELECT 1 FROM image_blobs i WHERE i.digest = l.digest)
         AND NOT EXISTS (SELECT 1 FROM blob_leases b WHERE b.digest = l.digest) ORDER BY l.digest`,
    )
    .all();
  return rows.map((row) => String(row["digest"]) as Digest);
}

/** Canonical names (`docker.io/library/debian@sha256:…`) by which images with this blob were pulled or pushed. */
export function listBlobSources(store: Store, digest: Digest): string[] {
  const rows = store
    .prepare(
      `SELECT DISTINCT r.reference FROM image_references r JOIN image_blobs b ON b.image_id = r.image_id
       WHERE b.digest = ? AND instr(r.reference, '@') ORDER BY r.reference`,
    )
    .all(digest);
  return rows.map((row) => String(row["reference"]));
}
