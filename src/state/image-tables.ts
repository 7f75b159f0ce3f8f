/**
 * Image tables, part of the first migration. `layers` columns hold diff ids, bottom first, with spaces between, as in `containers`.
 * `image_blobs` names all that the content store holds for an image: manifest, configuration, layers as received.
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
  ) STRICT;
  CREATE INDEX images_manifest ON images (manifest_digest);

  CREATE TABLE image_references (
    reference TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_references_image ON image_references (image_id);

  CREATE TABLE image_blobs (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (image_id, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_blobs_digest ON image_blobs (digest);

  CREATE TABLE layers (
    diff_id TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE layer_leases (
    diff_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (diff_id, owner)
  ) STRICT, WITHOUT ROWID;
`;
