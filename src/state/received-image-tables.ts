/**
 * Tables of images that came from elsewhere, part of the second migration.
 *
 * `image_manifests` names every manifest and index by which an image was received: one configuration can arrive with several, as with its
 * layers once plain and once compressed. A reference's `manifest_digest` tells which of them it stands for; empty: the image's own.
 * `layer_blobs` says what a stored blob has been seen to unpack to, so that it need not be read again.
 * `blob_leases` keep blobs until an image names them, as `layer_leases` keep layers. `layer_claims` make others wait for who stores a
 * layer already. Programs that know only the first schema would remove leased blobs, hence the new minimum.
 */
export const receivedImageTables = `
  UPDATE meta SET value = '2' WHERE key = 'minimum_version';

  CREATE TABLE image_manifests (
    digest TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    PRIMARY KEY (digest, image_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_manifests_image ON image_manifests (image_id);

  ALTER TABLE image_references ADD COLUMN manifest_digest TEXT NOT NULL DEFAULT '';

  CREATE TABLE layer_blobs (
    digest TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL,
    compression TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    tar_bytes INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX layer_blobs_diff ON layer_blobs (diff_id);

  CREATE TABLE blob_leases (
    digest TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (digest, owner)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE layer_claims (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
