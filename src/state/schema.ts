import { droppedBlobTable } from "./dropped-blobs.ts";
import { imageTables } from "./image-tables.ts";
import { receivedImageTables } from "./received-image-tables.ts";
import { volumeTables } from "./volume-tables.ts";

/**
 * Additive migrations, one element a version: never change one that has shipped. `meta.minimum_version` is the oldest schema
 * version whose programs may still read and write this database.
 *
 * WITHOUT ROWID is for small rows: it keeps only a quarter of a page of a row in the tree, and each change of the rest rewrites pages more.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('minimum_version', '1');

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    options TEXT NOT NULL,
    process TEXT NOT NULL,
    layers TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    pid INTEGER NOT NULL DEFAULT 0,
    pid_start INTEGER NOT NULL DEFAULT 0,
    monitor_pid INTEGER NOT NULL DEFAULT 0,
    monitor_start INTEGER NOT NULL DEFAULT 0,
    boot_id TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    oom_killed INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    started_at TEXT,
    finished_at TEXT,
    auto_remove INTEGER NOT NULL DEFAULT 0,
    stop_requested INTEGER NOT NULL DEFAULT 0,
    starts INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX containers_image ON containers (image_id);

  CREATE TABLE id_ranges (
    base INTEGER PRIMARY KEY,
    container TEXT NOT NULL UNIQUE REFERENCES containers (id) ON DELETE CASCADE
  ) STRICT;

  ${imageTables}
  `,
  receivedImageTables,
  volumeTables,
  droppedBlobTable,
];

export const schemaVersion = migrations.length;
