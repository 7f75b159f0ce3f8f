import type { ContainerId } from "../core/brands.ts";
import type { Timestamp } from "../core/timestamp.ts";
import type { Store } from "./store.ts";

/** `filling` and `removing` belong to `owner`. */
export type VolumeStatus = "ready" | "filling" | "removing";

export interface VolumeRow {
  readonly name: string;
  readonly driver: string;
  readonly createdAt: Timestamp;
  readonly labels: Readonly<Record<string, string>>;
  /** The driver's, as given with `-o`. */
  readonly options: Readonly<Record<string, string>>;
  /** Made without a name. */
  readonly anonymous: boolean;
  readonly status: VolumeStatus;
  /** `pid:starttime:bootid` of the process that fills or removes it. */
  readonly owner: string | null;
}

/** One place in a container where a volume is mounted. */
export interface VolumeUse {
  readonly container: ContainerId;
  /** Clean and absolute. */
  readonly target: string;
  readonly volume: string;
  readonly anonymous: boolean;
  /** The volume is removed with the container, unless others use it. */
  readonly goes: boolean;
  /** The image's content at the target has still to be copied into the volume, if that is empty. */
  readonly fill: boolean;
}

/** False when there is one of that name. */
export function insertVolume(store: Store, row: VolumeRow): boolean {
  const result = store
    .prepare(
      `INSERT INTO volumes (name, driver, created_at, labels, options, anonymous, status, owner)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
    )
    .run(
      row.name,
      row.driver,
      row.createdAt,
      JSON.stringify(row.labels),
      JSON.stringify(row.options),
      Number(row.anonymous),
      row.status,
      row.owner,
    );
  return Number(result.changes) === 1;
}

export function getVolume(store: Store, name: string): VolumeRow | undefined {
  return toVolume(store.prepare("SELECT * FROM volumes WHERE name = ?").get(name));
}

/** By name, as docker lists them. */
export function listVolumes(store: Store): VolumeRow[] {
  return store
    .prepare("SELECT * FROM volumes ORDER BY name")
    .all()
    .flatMap((found) => toVolume(found) ?? []);
}

/** Compare-and-set of status and owner. False when they are not (any more) as in `from`. */
export function moveVolume(
  store: Store,
  name: string,
  move: {
    readonly from: Pick<VolumeRow, "status" | "owner">;
    readonly to: Pick<VolumeRow, "status" | "owner">;
  },
): boolean {
  const { from, to } = move;
  const update = () =>
    store
      .prepare("UPDATE volumes SET status = ?, owner = ? WHERE name = ? AND status = ? AND owner IS ?")
      .run(to.status, to.owner, name, from.status, from.owner);
  const result = to.status === "filling" ? update() : store.evenWhenFull(update);
  return Number(result.changes) === 1;
}

export function deleteVolume(store: Store, name: string): void {
  store.evenWhenFull(() => store.prepare("DELETE FROM volumes WHERE name = ?").run(name));
}

export function insertVolumeUse(store: Store, use: VolumeUse): void {
  store
    .prepare("INSERT INTO container_volumes (container, target, volume, anonymous, goes, fill) VALUES (?, ?, ?, ?, ?, ?)")
    .run(use.container, use.target, use.volume, Number(use.anonymous), Number(use.goes), Number(use.fill));
}

export function listVolumeUses(store: Store, container: ContainerId): VolumeUse[] {
  return store.prepare("SELECT * FROM container_volumes WHERE container = ? ORDER BY target").all(container).map(toUse);
}

/** The containers that mount the volume, each once. */
export function listVolumeUsers(store: Store, volume: string): ContainerId[] {
  const rows = store.prepare("SELECT DISTINCT container FROM container_volumes WHERE volume = ? ORDER BY container").all(volume);
  return rows.map((row) => String(row["container"]) as ContainerId);
}

/** How many containers mount each volume; one that none mounts is missing. */
export function countVolumeUsers(store: Store): ReadonlyMap<string, number> {
  const rows = store.prepare("SELECT volume, count(DISTINCT container) AS n FROM container_volumes GROUP BY volume").all();
  return new Map(rows.map((row) => [String(row["volume"]), Number(row["n"])]));
}

export function markFilled(store: Store, container: ContainerId, target: string): void {
  store.prepare("UPDATE container_volumes SET fill = 0 WHERE container = ? AND target = ?").run(container, target);
}

function toVolume(found: unknown): VolumeRow | undefined {
  if (found === undefined || found === null) return undefined;
  const row = found as Record<string, string | number | null>;
  return {
    name: String(row["name"]),
    driver: String(row["driver"]),
    createdAt: String(row["created_at"]),
    labels: JSON.parse(String(row["labels"])) as Record<string, string>,
    options: JSON.parse(String(row["options"])) as Record<string, string>,
    anonymous: row["anonymous"] === 1,
    status: String(row["status"]) as VolumeStatus,
    owner: row["owner"] === null || row["owner"] === undefined ? null : String(row["owner"]),
  };
}

function toUse(row: Record<string, unknown>): VolumeUse {
  return {
    container: String(row["container"]) as ContainerId,
    target: String(row["target"]),
    volume: String(row["volume"]),
    anonymous: row["anonymous"] === 1,
    goes: row["goes"] === 1,
    fill: row["fill"] === 1,
  };
}
