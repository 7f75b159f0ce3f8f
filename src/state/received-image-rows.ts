import type { DiffId, Digest, ImageId } from "../core/brands.ts";
import type { Store } from "./store.ts";

/** A manifest or index by which an image was received. */
export interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
}

/** A layer's blob, and what it unpacks to. */
export interface LayerBlobRow {
  readonly digest: Digest;
  readonly diffId: DiffId;
  readonly compression: "none" | "gzip" | "zstd" | "bzip2" | "xz";
  /** Of the blob. */
  readonly sizeBytes: number;
  /** Of the uncompressed tar. */
  readonly tarBytes: number;
  /** Of the files in it. */
  readonly contentBytes: number;
}

export function insertManifest(store: Store, image: ImageId, row: ManifestRow): void {
  store
    .prepare("INSERT INTO image_manifests (digest, image_id, media_type) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
    .run(row.digest, image, row.mediaType);
}

/** All manifests and indexes by which the image was received, or stored when it was made here. */
export function listManifests(store: Store, image: ImageId): ManifestRow[] {
  const rows = store.prepare("SELECT digest, media_type FROM image_manifests WHERE image_id = ? ORDER BY digest").all(image);
  return rows.map((row) => ({ digest: String(row["digest"]) as Digest, mediaType: String(row["media_type"]) }));
}

/** What the canonical reference stands for; undefined when there is no such reference, or when it means the image's own manifest. */
export function getReferencedManifest(store: Store, reference: string): Digest | undefined {
  const row = store.prepare("SELECT manifest_digest FROM image_references WHERE reference = ?").get(reference);
  const digest = String(row?.["manifest_digest"] ?? "");
  return digest === "" ? undefined : (digest as Digest);
}

export function insertLayerBlob(store: Store, row: LayerBlobRow): void {
  store
    .prepare(
      `INSERT INTO layer_blobs (digest, diff_id, compression, size_bytes, tar_bytes, content_bytes) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    .run(row.digest, row.diffId, row.compression, row.sizeBytes, row.tarBytes, row.contentBytes);
}

export function getLayerBlob(store: Store, digest: Digest): LayerBlobRow | undefined {
  return toLayerBlob(store.prepare("SELECT * FROM layer_blobs WHERE digest = ?").get(digest));
}

/** The blobs, plain or compressed, that unpack to the layer. */
export function listLayerBlobs(store: Store, diffId: DiffId): LayerBlobRow[] {
  return store
    .prepare("SELECT * FROM layer_blobs WHERE diff_id = ? ORDER BY digest")
    .all(diffId)
    .flatMap((row) => toLayerBlob(row) ?? []);
}

/** Of blobs that no image has and nobody is about to give one. */
export function deleteUnusedLayerBlobs(store: Store): void {
  store
    .prepare(
      `DELETE FROM layer_blobs WHERE digest NOT IN (SELECT digest FROM image_blobs)
         AND digest NOT IN (SELECT digest FROM blob_leases)`,
    )
    .run();
}

export function addBlobLease(store: Store, digest: Digest, owner: string): void {
  store.prepare("INSERT INTO blob_leases (digest, owner) VALUES (?, ?) ON CONFLICT DO NOTHING").run(digest, owner);
}

/** Every blob that the owner holds. */
export function dropBlobLeases(store: Store, owner: string): void {
  store.prepare("DELETE FROM blob_leases WHERE owner = ?").run(owner);
}

/** Owners of blob leases and claims. */
export function listOwners(store: Store): string[] {
  const rows = store.prepare("SELECT owner FROM blob_leases UNION SELECT owner FROM layer_claims").all();
  return rows.map((row) => String(row["owner"]));
}

/** Who has the claim afterwards: `owner`, or the one who had it already. */
export function claimLayerRow(store: Store, key: string, owner: string): string {
  store.prepare("INSERT INTO layer_claims (key, owner) VALUES (?, ?) ON CONFLICT DO NOTHING").run(key, owner);
  return String(store.prepare("SELECT owner FROM layer_claims WHERE key = ?").get(key)?.["owner"]);
}

export function dropClaims(store: Store, owner: string): void {
  store.prepare("DELETE FROM layer_claims WHERE owner = ?").run(owner);
}

function toLayerBlob(row: unknown): LayerBlobRow | undefined {
  if (row === undefined || row === null) return undefined;
  const found = row as Record<string, string | number>;
  return {
    digest: String(found["digest"]) as Digest,
    diffId: String(found["diff_id"]) as DiffId,
    compression: String(found["compression"]) as LayerBlobRow["compression"],
    sizeBytes: Number(found["size_bytes"]),
    tarBytes: Number(found["tar_bytes"]),
    contentBytes: Number(found["content_bytes"]),
  };
}
