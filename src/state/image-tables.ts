/**
 * Image tables, part of the first migration. `layers` columns hold diff ids, bottom first, with spaces between, as in `containers`.
 * A lease keeps a layer that a process has added, or is about to use, until its image is stored.
 */
export const imageTables = `
  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    config TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    parent TEXT NOT NULL DEFAULT '',
    layers TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    passwd TEXT NOT NULL DEFAULT '',
    group_file TEXT NOT NULL DEFAULT ''
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX images_manifest ON images (manifest_digest);

  CREATE TABLE image_references (
    reference TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_references_image ON image_references (image_id);

  CREATE TABLE layers (
    diff_id TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    blob_digest TEXT NOT NULL,
    blob_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE layer_leases (
    diff_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (diff_id, owner)
  ) STRICT, WITHOUT ROWID;
`;
