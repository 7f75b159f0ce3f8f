/**
 * Volumes, and which containers mount them where. A volume that is being filled with an image's content, or removed, belongs to a
 * process (`owner`); when that process is gone, whoever comes next goes on.
 * `container_volumes`: `anonymous` is 1 where the mount named no volume, `goes` where the volume is to go with the container, `fill` until
 * the image's content has been considered. `container_images`: other images than its own that a container mounts, and their
 * layers, which stay as long as it does.
 */
export const volumeTables = `
  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    driver TEXT NOT NULL,
    created_at TEXT NOT NULL,
    labels TEXT NOT NULL,
    options TEXT NOT NULL,
    anonymous INTEGER NOT NULL,
    status TEXT NOT NULL,
    owner TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE container_volumes (
    container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    target TEXT NOT NULL,
    volume TEXT NOT NULL REFERENCES volumes (name),
    anonymous INTEGER NOT NULL,
    goes INTEGER NOT NULL,
    fill INTEGER NOT NULL,
    PRIMARY KEY (container, target)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX container_volumes_volume ON container_volumes (volume);

  CREATE TABLE container_images (
    container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    image TEXT NOT NULL,
    layers TEXT NOT NULL,
    PRIMARY KEY (container, image)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX container_images_image ON container_images (image);
`;
