import type { ContainerId, DiffId, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { ContainerRow, RowStatus } from "./container-row.ts";
import { moves } from "./container-row.ts";
import type { Store } from "./store.ts";

type Column = string | number | bigint | null;

/** Columns that a transition may set along with the status. */
export type RowChange = Partial<
  Pick<
    ContainerRow,
    | "owner"
    | "pid"
    | "pidStart"
    | "monitorPid"
    | "monitorStart"
    | "bootId"
    | "exitCode"
    | "oomKilled"
    | "error"
    | "startedAt"
    | "finishedAt"
    | "stopRequested"
    | "starts"
  >
>;

const columnNames: Readonly<Record<keyof RowChange, string>> = {
  owner: "owner",
  pid: "pid",
  pidStart: "pid_start",
  monitorPid: "monitor_pid",
  monitorStart: "monitor_start",
  bootId: "boot_id",
  exitCode: "exit_code",
  oomKilled: "oom_killed",
  error: "error",
  startedAt: "started_at",
  finishedAt: "finished_at",
  stopRequested: "stop_requested",
  starts: "starts",
};

/** Adds a row. @throws {EngineError} CONTAINER_NAME_TAKEN. */
export function insertContainer(store: Store, row: ContainerRow): void {
  const result = store
    .prepare(
      `INSERT INTO containers (id, name, image, image_id, created_at, options, process, layers, status, owner, auto_remove)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
    )
    .run(
      row.id,
      row.name,
      row.image,
      row.imageId,
      row.createdAt,
      row.options,
      row.process,
      row.layers.join(" "),
      row.status,
      row.owner,
      row.autoRemove ? 1 : 0,
    );
  if (Number(result.changes) === 1) return;
  const holder = store.prepare("SELECT id FROM containers WHERE name = ?").get(row.name) as { id: string } | undefined;
  throw new EngineError({
    kind: "conflict",
    code: "CONTAINER_NAME_TAKEN",
    message: `Conflict. The container name "/${row.name}" is already in use by container "${holder?.id ?? "unknown"}". You have to remove (or rename) that container to be able to reuse that name.`,
  });
}

/**
 * Moves a row from one of `from` to `to` (compare-and-set) and sets `change`. False when the row is in none of `from`,
 * or, with `owner` given, belongs to somebody else (null: to anybody), or, with `process` given, runs another one (it was started again).
 */
export function moveContainer(
  store: Store,
  move: {
    readonly id: ContainerId;
    readonly from: readonly RowStatus[];
    readonly to: RowStatus;
    readonly owner?: string | null;
    readonly process?: { readonly pid: number; readonly startTime: bigint };
    readonly change?: RowChange;
  },
): boolean {
  for (const from of move.from) {
    if (from !== move.to && !moves[from].includes(move.to)) throw new Error(`no move from ${from} to ${move.to}`);
  }
  const sets = ["status = ?"];
  const values: Column[] = [move.to];
  for (const [key, value] of Object.entries(move.change ?? {})) {
    sets.push(`${columnNames[key as keyof RowChange]} = ?`);
    values.push(typeof value === "boolean" ? Number(value) : value);
  }
  let where = `id = ? AND status IN (${move.from.map(() => "?").join(", ")})`;
  values.push(move.id, ...move.from);
  if (move.owner !== undefined) {
    where += " AND owner IS ?";
    values.push(move.owner);
  }
  if (move.process !== undefined) {
    where += " AND pid = ? AND pid_start = ?";
    values.push(move.process.pid, move.process.startTime);
  }
  const update = () => store.prepare(`UPDATE containers SET ${sets.join(", ")} WHERE ${where}`).run(...values);
  // All but a start leads towards an end.
  const result = move.to === "starting" ? update() : store.evenWhenFull(update);
  return Number(result.changes) === 1;
}

export function deleteContainer(store: Store, id: ContainerId): void {
  store.evenWhenFull(() => store.prepare("DELETE FROM containers WHERE id = ?").run(id));
}

export function renameContainer(store: Store, id: ContainerId, name: string): void {
  try {
    store.prepare("UPDATE containers SET name = ? WHERE id = ?").run(name, id);
  } catch (cause) {
    throw new EngineError({
      kind: "conflict",
      code: "CONTAINER_NAME_TAKEN",
      message: `Conflict. The container name "/${name}" is already in use`,
      cause,
    });
  }
}

/** What it is started from next time. */
export function storeOptions(store: Store, id: ContainerId, options: string): void {
  store.prepare("UPDATE containers SET options = ? WHERE id = ?").run(options, id);
}

export function getContainer(store: Store, id: ContainerId): ContainerRow | undefined {
  return toRow(store.prepare("SELECT * FROM containers WHERE id = ?").get(id));
}

/** Newest first. */
export function listContainers(store: Store): ContainerRow[] {
  const rows: ContainerRow[] = [];
  for (const found of store.prepare("SELECT * FROM containers ORDER BY created_at DESC, id").all()) {
    const row = toRow(found);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

/**
 * The one container that `reference` means: a full id, else a name (with or without Docker's leading slash), else a unique id prefix.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, with the texts that Docker's clients know.
 */
export function findContainer(store: Store, reference: string): ContainerRow {
  const name = reference.startsWith("/") ? reference.slice(1) : reference;
  const exact = toRow(store.prepare("SELECT * FROM containers WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1").get(name));
  if (exact !== undefined) return exact;
  if (/^[0-9a-f]{1,64}$/.test(name)) {
    const found = store.prepare("SELECT * FROM containers WHERE id >= ? AND id < ? LIMIT 2").all(name, `${name}g`);
    if (found.length > 1) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "CONTAINER_AMBIGUOUS",
        message: `multiple containers found with provided prefix: ${name}; give more digits`,
      });
    }
    const row = toRow(found[0]);
    if (row !== undefined) return row;
  }
  throw containerNotFound(reference);
}

export function containerNotFound(reference: string): EngineError {
  return new EngineError({ kind: "notFound", code: "CONTAINER_NOT_FOUND", message: `No such container: ${reference}` });
}

export function countContainersOfImage(store: Store, image: ImageId): number {
  const row = store.prepare("SELECT count(*) AS n FROM containers WHERE image_id = ?").get(image) as { n: number };
  return row.n;
}

/** Whether the container mounts any volume. */
export function hasVolumes(store: Store, container: ContainerId): boolean {
  return store.prepare("SELECT 1 FROM container_volumes WHERE container = ? LIMIT 1").get(container) !== undefined;
}

/** `rm -v`: what the container's mounts made without a name goes with it. */
export function letVolumesGo(store: Store, container: ContainerId): void {
  store.evenWhenFull(() => store.prepare("UPDATE container_volumes SET goes = 1 WHERE container = ? AND anonymous = 1").run(container));
}

function toRow(found: unknown): ContainerRow | undefined {
  if (found === undefined || found === null) return undefined;
  const row = found as Record<string, Column>;
  const text = (name: string) => String(row[name]);
  const nullable = (name: string) => (row[name] === null ? null : String(row[name]));
  return {
    id: text("id") as ContainerId,
    name: text("name"),
    image: text("image"),
    imageId: text("image_id") as ImageId,
    createdAt: text("created_at"),
    options: text("options"),
    process: text("process"),
    layers: text("layers").split(" ") as DiffId[],
    status: text("status") as RowStatus,
    owner: nullable("owner"),
    pid: Number(row["pid"]),
    pidStart: BigInt(row["pid_start"] ?? 0),
    monitorPid: Number(row["monitor_pid"]),
    monitorStart: BigInt(row["monitor_start"] ?? 0),
    bootId: text("boot_id"),
    exitCode: row["exit_code"] === null ? null : Number(row["exit_code"]),
    oomKilled: row["oom_killed"] === 1,
    error: text("error"),
    startedAt: nullable("started_at"),
    finishedAt: nullable("finished_at"),
    autoRemove: row["auto_remove"] === 1,
    stopRequested: row["stop_requested"] === 1,
    starts: Number(row["starts"]),
  };
}
