import type { Digest } from "../core/brands.ts";
import type { Store } from "./store.ts";

/** Tags of one repository (`docker.io/library/debian`), sorted. */
export function listTags(store: Store, repository: string): string[] {
  const prefix = `${repository}:`;
  const rows = store
    .prepare("SELECT reference FROM image_references WHERE substr(reference, 1, ?) = ? ORDER BY reference")
    .all(prefix.length, prefix);
  return rows.map((row) => String(row["reference"]).slice(prefix.length)).filter((tag) => !tag.includes("@"));
}

/**
 * Repositories of a registry, without its name, that images with this blob are known to be in: a pull or push has recorded their digest.
 */
export function listRepositoriesWithBlob(store: Store, registry: string, digest: Digest): string[] {
  const prefix = `${registry}/`;
  const rows = store
    .prepare(
      `SELECT DISTINCT r.reference FROM image_references r JOIN image_blobs b ON b.image_id = r.image_id
       WHERE b.digest = ? AND substr(r.reference, 1, ?) = ? AND instr(r.reference, '@') ORDER BY r.reference`,
    )
    .all(digest, prefix.length, prefix);
  return rows.map((row) => {
    const reference = String(row["reference"]);
    return reference.slice(prefix.length, reference.indexOf("@"));
  });
}
