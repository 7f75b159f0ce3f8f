import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { findLayerFaults, type StoredLayerRow } from "./store-checker-layers.ts";

/** One inconsistency, in words. */
export type Fault = string;

export interface CheckedRoots {
  readonly root: string;
  readonly runRoot: string;
}

type Row = Readonly<Record<string, string | number | null>>;

interface Store extends CheckedRoots {
  readonly query: (sql: string) => readonly Row[];
}

/**
 * Everything that does not fit together in a data root that nobody works with at this moment and whose garbage has been collected: rows,
 * files, mounts. It shares no code with the engine: what that takes for granted is what is to be checked. All bytes are read.
 */
export function findStoreFaults(roots: CheckedRoots): readonly Fault[] {
  const database = new DatabaseSync(`${roots.root}/wherry.db`, { readOnly: true });
  try {
    database.exec("PRAGMA busy_timeout=15000");
    const store: Store = { ...roots, query: (sql) => database.prepare(sql).all() as Row[] };
    return [
      ...findDatabaseFaults(store),
      ...findHolders(store),
      ...findImageFaults(store),
      ...findBlobFaults(store),
      ...findLayerFaults(roots, layerRows(store)),
      ...findRemains(store),
    ];
  } finally {
    database.close();
  }
}

function findDatabaseFaults({ query }: Store): Fault[] {
  const broken = query("PRAGMA integrity_check").filter((row) => row["integrity_check"] !== "ok");
  const dangling = query("PRAGMA foreign_key_check");
  return [
    ...broken.map((row) => `database: ${row["integrity_check"]}`),
    ...dangling.map((row) => `database: a row of ${row["table"]} names one of ${row["parent"]} that is not there`),
  ];
}

/** Nobody works with the store: whatever is still held belongs to the dead. */
function findHolders({ query }: Store): Fault[] {
  return [
    ...query("SELECT 'layer lease' AS kind, diff_id AS held, owner FROM layer_leases"),
    ...query("SELECT 'blob lease' AS kind, digest AS held, owner FROM blob_leases"),
    ...query("SELECT 'claim' AS kind, key AS held, owner FROM layer_claims"),
  ].map((row) => `${row["kind"]} of ${row["owner"]} on ${row["held"]}`);
}

function findImageFaults(store: Store): Fault[] {
  const { query } = store;
  const faults: Fault[] = [];
  const blobs = new Set(query("SELECT image_id || ' ' || digest AS pair FROM image_blobs").map((row) => row["pair"]));
  const sizes = new Map(query("SELECT * FROM layers").map((row) => [String(row["diff_id"]), Number(row["size_bytes"])]));
  const unpacked = new Map(query("SELECT * FROM layer_blobs").map((row) => [String(row["digest"]), String(row["diff_id"])]));
  for (const image of query("SELECT * FROM images")) {
    const id = String(image["id"]);
    const say = (problem: string): unknown => faults.push(`image ${id}: ${problem}`);
    const config = String(image["config"]);
    if (digestOf(Buffer.from(config)) !== id) say("its configuration has another digest");
    const layers = wordsOf(image["layers"]);
    const { rootfs } = JSON.parse(config) as { readonly rootfs: { readonly diff_ids: readonly string[] } };
    if (layers.join() !== rootfs.diff_ids.join()) say("its layers are not those of its configuration");
    if (layers.reduce((sum, layer) => sum + (sizes.get(layer) ?? Number.NaN), 0) !== image["size_bytes"])
      say(`its size ${image["size_bytes"]} is not that of its layers`);
    const parent = String(image["parent"]);
    if (parent !== "" && query(`SELECT 1 FROM images WHERE id = '${parent}'`).length === 0) say(`its parent ${parent} is not there`);
    const named = [id, String(image["manifest_digest"])];
    for (const row of query(`SELECT digest FROM image_manifests WHERE image_id = '${id}'`)) named.push(String(row["digest"]));
    const bytes = readBlob(store, String(image["manifest_digest"]));
    const manifest = JSON.parse(bytes?.toString() ?? '{"layers":[]}') as { readonly layers: readonly { readonly digest: string }[] };
    if (manifest.layers.map(({ digest }) => unpacked.get(digest)).join() !== layers.join())
      say("its manifest's layers are not known to be its own");
    for (const digest of [...named, ...manifest.layers.map((layer) => layer.digest)])
      if (!blobs.has(`${id} ${digest}`)) say(`${digest} is not among its blobs`);
  }
  for (const row of query("SELECT reference, image_id, manifest_digest FROM image_references")) {
    const digest = String(row["manifest_digest"]);
    if (digest !== "" && !blobs.has(`${row["image_id"]} ${digest}`))
      faults.push(`name ${row["reference"]}: ${digest} is not a blob of its image`);
  }
  return faults;
}

function findBlobFaults({ root, query }: Store): Fault[] {
  const faults: Fault[] = [];
  const wanted = new Set(query("SELECT DISTINCT digest FROM image_blobs").map((row) => String(row["digest"])));
  const dropped = new Set(query("SELECT digest FROM dropped_blobs").map((row) => String(row["digest"])));
  const stored = new Set(namesIn(`${root}/content/sha256`).map((name) => `sha256:${name}`));
  for (const digest of stored) {
    if (!wanted.has(digest)) faults.push(`blob ${digest}: nobody names it`);
    if (dropped.has(digest)) faults.push(`blob ${digest}: said to be dropped, and there`);
    const found = digestOfFile(`${root}/content/sha256/${digest.slice(7)}`);
    if (found !== digest) faults.push(`blob ${digest}: its bytes are ${found}`);
  }
  for (const digest of wanted) if (!stored.has(digest) && !dropped.has(digest)) faults.push(`blob ${digest}: its file is missing`);
  for (const row of query("SELECT * FROM layer_blobs")) {
    const digest = String(row["digest"]);
    if (!wanted.has(digest)) faults.push(`layer blob ${digest}: no image has it`);
    const file = statSync(`${root}/content/sha256/${digest.slice(7)}`, { throwIfNoEntry: false });
    if (file !== undefined && file.size !== row["size_bytes"])
      faults.push(`layer blob ${digest}: ${file.size} bytes, said ${row["size_bytes"]}`);
  }
  return faults;
}

function layerRows({ query }: Store): StoredLayerRow[] {
  const users = new Set(
    [
      ...query("SELECT layers FROM images"),
      ...query("SELECT layers FROM containers"),
      ...query("SELECT layers FROM container_images"),
    ].flatMap((row) => wordsOf(row["layers"])),
  );
  const rows = new Map(query("SELECT * FROM layers").map((row) => [String(row["diff_id"]), Number(row["size_bytes"])]));
  return [...new Set([...users, ...rows.keys()])].map((diffId) => ({ diffId, sizeBytes: rows.get(diffId), used: users.has(diffId) }));
}

/** What was half done, and what does not belong there at all. */
function findRemains({ root }: Store): Fault[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    "": ["cache", "containers", "content", "layers", "volumes", "mount-points-2", "reserve", "wherry.db", "wherry.db-shm", "wherry.db-wal"],
    content: ["sha256", "ingest"],
    "content/ingest": [],
    layers: ["sha256", "ingest"],
    "layers/ingest": [],
  };
  return Object.entries(known).flatMap(([directory, names]) =>
    namesIn(`${root}/${directory}`)
      .filter((name) => !names.includes(name))
      .map((name) => `left behind: ${directory}/${name}`),
  );
}

function readBlob({ root }: Store, digest: string): Buffer | undefined {
  const path = `${root}/content/sha256/${digest.slice(7)}`;
  return existsSync(path) ? readFileSync(path) : undefined;
}

function wordsOf(text: unknown): string[] {
  return String(text)
    .split(" ")
    .filter((word) => word !== "");
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function digestOfFile(path: string): string {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(1024 * 1024);
  const fd = openSync(path, "r");
  try {
    for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) hash.update(chunk.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest("hex")}`;
}

export function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
