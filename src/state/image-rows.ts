import type { DiffId, Digest, ImageId } from "../core/brands.ts";
import type { Timestamp } from "../core/timestamp.ts";
import type { Store } from "./store.ts";

export interface ImageRow {
  readonly id: ImageId;
  readonly createdAt: Timestamp;
  /** The OCI image configuration as it is read; the one received, whose SHA-256 is the id, is a blob. */
  readonly config: string;
  readonly manifestDigest: Digest;
  /** The image it was committed from; empty for none. */
  readonly parent: ImageId | "";
  /** Bottom first. */
  readonly layers: readonly DiffId[];
  readonly sizeBytes: number;
  readonly passwd: string;
  readonly group: string;
}

export interface LayerRow {
  readonly diffId: DiffId;
  /** Bytes of file content, unpacked. */
  readonly sizeBytes: number;
}

const columns = "i.id, i.created_at, i.config, i.manifest_digest, i.parent, i.layers, i.size_bytes, i.passwd, i.group_file";

/** Idempotent: an image of that id is the same image. */
export function insertImage(store: Store, row: ImageRow): void {
  store
    .prepare(
      `INSERT INTO images (id, created_at, config, manifest_digest, parent, layers, size_bytes, passwd, group_file)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    )
    .run(row.id, row.createdAt, row.config, row.manifestDigest, row.parent, row.layers.join(" "), row.sizeBytes, row.passwd, row.group);
}

export function insertLayer(store: Store, row: LayerRow): void {
  store.prepare("INSERT INTO layers (diff_id, size_bytes) VALUES (?, ?) ON CONFLICT (diff_id) DO NOTHING").run(row.diffId, row.sizeBytes);
}

export function insertBlob(store: Store, image: ImageId, digest: Digest): void {
  store.prepare("INSERT INTO image_blobs (image_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING").run(image, digest);
}

/** All that the image has in the content store. */
export function listBlobs(store: Store, image: ImageId): Digest[] {
  const rows = store.prepare("SELECT digest FROM image_blobs WHERE image_id = ? ORDER BY digest").all(image);
  return rows.map((row) => String(row["digest"]) as Digest);
}

/** All that any image has in the content store, and what is there under a lease. */
export function listUsedBlobs(store: Store): ReadonlySet<Digest> {
  const rows = store.prepare("SELECT digest FROM image_blobs UNION SELECT digest FROM blob_leases").all();
  return new Set(rows.map((row) => String(row["digest"]) as Digest));
}

/** By canonical reference: one query on the way to every container. */
export function getImageByReference(store: Store, reference: string): ImageRow | undefined {
  const sql = `SELECT ${columns} FROM image_references r JOIN images i ON i.id = r.image_id WHERE r.reference = ?`;
  return toImage(store.prepare(sql).get(reference));
}

/** By digest of a manifest or index, as `name@sha256:…` means. */
export function getImageByManifest(store: Store, digest: string): ImageRow | undefined {
  const own = `SELECT ${columns} FROM images i WHERE i.manifest_digest = ? LIMIT 1`;
  const received = `SELECT ${columns} FROM images i JOIN image_manifests m ON m.image_id = i.id WHERE m.digest = ? LIMIT 1`;
  return toImage(store.prepare(own).get(digest) ?? store.prepare(received).get(digest));
}

/** Those whose id begins with `sha256:` and these hexadecimal digits; at most two. */
export function findImagesByPrefix(store: Store, digits: string): ImageRow[] {
  const sql = `SELECT ${columns} FROM images i WHERE i.id >= ? AND i.id < ? LIMIT 2`;
  return store.prepare(sql).all(`sha256:${digits}`, `sha256:${digits}g`).flatMap(toImages);
}

export function getImage(store: Store, id: ImageId): ImageRow | undefined {
  return toImage(store.prepare(`SELECT ${columns} FROM images i WHERE i.id = ?`).get(id));
}

export function hasImage(store: Store, id: ImageId): boolean {
  return store.prepare("SELECT 1 FROM images WHERE id = ?").get(id) !== undefined;
}

/** Newest first. */
export function listImages(store: Store): ImageRow[] {
  return store.prepare(`SELECT ${columns} FROM images i ORDER BY i.created_at DESC, i.id`).all().flatMap(toImages);
}

export function deleteImage(store: Store, id: ImageId): void {
  store.prepare("DELETE FROM images WHERE id = ?").run(id);
}

/** Gives the image the reference, taking it from another. `manifest`: which of the image's it stands for; absent, the image's own. */
export function setReference(store: Store, reference: string, id: ImageId, manifest: Digest | "" = ""): void {
  store
    .prepare(
      `INSERT INTO image_references (reference, image_id, manifest_digest) VALUES (?, ?, ?)
       ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id, manifest_digest = excluded.manifest_digest`,
    )
    .run(reference, id, manifest);
}

export function deleteReference(store: Store, reference: string): void {
  store.prepare("DELETE FROM image_references WHERE reference = ?").run(reference);
}

/** Canonical references, sorted. */
export function listReferences(store: Store, id: ImageId): string[] {
  const rows = store.prepare("SELECT reference FROM image_references WHERE image_id = ? ORDER BY reference").all(id);
  return rows.map((row) => String(row["reference"]));
}

/** The canonical references of a repository (`docker.io/library/debian`), sorted, each with its image. */
export function listRepository(store: Store, repository: string): { readonly reference: string; readonly image: ImageId }[] {
  const sql = "SELECT reference, image_id FROM image_references WHERE reference >= ? AND reference < ? ORDER BY reference";
  return [":", "@"].flatMap((mark) =>
    store
      .prepare(sql)
      .all(`${repository}${mark}`, `${repository}${String.fromCharCode(mark.charCodeAt(0) + 1)}`)
      .map((row) => ({ reference: String(row["reference"]), image: String(row["image_id"]) as ImageId })),
  );
}

export function countChildren(store: Store, id: ImageId): number {
  return Number(store.prepare("SELECT count(*) AS n FROM images WHERE parent = ?").get(id)?.["n"] ?? 0);
}

export function getLayer(store: Store, diffId: DiffId): LayerRow | undefined {
  const row = store.prepare("SELECT size_bytes FROM layers WHERE diff_id = ?").get(diffId);
  return row === undefined || row === null ? undefined : { diffId, sizeBytes: Number(row["size_bytes"]) };
}

export function deleteLayer(store: Store, diffId: DiffId): void {
  store.prepare("DELETE FROM layers WHERE diff_id = ?").run(diffId);
}

/** Layers that have a row or are being added by somebody. */
export function listKeptLayers(store: Store): ReadonlySet<DiffId> {
  const rows = store.prepare("SELECT diff_id FROM layers UNION SELECT diff_id FROM layer_leases").all();
  return new Set(rows.map((row) => String(row["diff_id"]) as DiffId));
}

/** Layers with a row that no image, container or lease names. */
export function listUnusedLayers(store: Store): DiffId[] {
  const rows = store
    .prepare(
      `SELECT l.diff_id FROM layers l
       WHERE NOT EXISTS (SELECT 1 FROM images i WHERE instr(i.layers, l.diff_id))
         AND NOT EXISTS (SELECT 1 FROM containers c WHERE instr(c.layers, l.diff_id))
         AND NOT EXISTS (SELECT 1 FROM container_images m WHERE instr(m.layers, l.diff_id))
         AND NOT EXISTS (SELECT 1 FROM layer_leases s WHERE s.diff_id = l.diff_id)`,
    )
    .all();
  return rows.map((row) => String(row["diff_id"]) as DiffId);
}

export function addLease(store: Store, diffId: DiffId, owner: string): void {
  store.prepare("INSERT INTO layer_leases (diff_id, owner) VALUES (?, ?) ON CONFLICT DO NOTHING").run(diffId, owner);
}

export function dropLease(store: Store, diffId: DiffId, owner: string): void {
  store.prepare("DELETE FROM layer_leases WHERE diff_id = ? AND owner = ?").run(diffId, owner);
}

export function listLeases(store: Store): { readonly diffId: DiffId; readonly owner: string }[] {
  return store
    .prepare("SELECT diff_id, owner FROM layer_leases")
    .all()
    .map((row) => ({ diffId: String(row["diff_id"]) as DiffId, owner: String(row["owner"]) }));
}

function toImages(found: unknown): ImageRow[] {
  const row = toImage(found);
  return row === undefined ? [] : [row];
}

function toImage(found: unknown): ImageRow | undefined {
  if (found === undefined || found === null) return undefined;
  const row = found as Record<string, string | number>;
  const text = (name: string) => String(row[name]);
  return {
    id: text("id") as ImageId,
    createdAt: text("created_at"),
    config: text("config"),
    manifestDigest: text("manifest_digest") as Digest,
    parent: text("parent") as ImageId | "",
    layers: text("layers") === "" ? [] : (text("layers").split(" ") as DiffId[]),
    sizeBytes: Number(row["size_bytes"]),
    passwd: text("passwd"),
    group: text("group_file"),
  };
}
