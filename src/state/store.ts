import { chmodSync, mkdirSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EngineError } from "../core/engine-error.ts";
import { noSpaceError } from "../core/no-space.ts";
import { Reserve } from "./reserve.ts";
import { migrations, schemaVersion } from "./schema.ts";

/** Whoever opens the database first reads the whole write-ahead log: it is written back and begun anew when it is longer. */
const longestLog = 32 + 64 * (24 + 4096);

/**
 * One data root's SQLite database, opened by each process for itself; CLI and API server use it at the same time.
 * WAL, `synchronous=NORMAL`: a commit survives any crash of ours; `durably` makes one survive a power cut too.
 */
export class Store implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #path: string;
  readonly #reserve: Reserve;
  #depth = 0;

  constructor(database: DatabaseSync, path: string, reserve: Reserve) {
    this.#database = database;
    this.#path = path;
    this.#reserve = reserve;
  }

  /** The prepared statement for `sql`, compiled once in this process. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * Runs `change` in one `BEGIN IMMEDIATE` transaction; nested calls join the outer one. It must not wait for anything:
   * no launcher call, no await, since every other process waits meanwhile.
   */
  transaction<Result>(change: () => Result): Result {
    if (this.#depth > 0) return change();
    this.#endLongLog();
    this.#database.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = change();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      rollBack(this.#database);
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Runs a change that ends or removes something: on a full disk, the reserve is there for it. */
  evenWhenFull<Result>(change: () => Result): Result {
    // A failure has rolled back all of a transaction: whoever began it begins it again.
    if (this.#depth > 0) return change();
    try {
      return change();
    } catch (error) {
      if (noSpaceError(error) === undefined || !this.#reserve.release()) throw error;
      return change();
    }
  }

  /** As `transaction`, and on disk when it returns. */
  durably<Result>(change: () => Result): Result {
    if (this.#depth > 0) return change();
    this.#database.exec("PRAGMA synchronous=FULL");
    try {
      const result = this.transaction(change);
      this.#reserve.hold();
      return result;
    } finally {
      this.#database.exec("PRAGMA synchronous=NORMAL");
    }
  }

  /**
   * Before a change, not after it, as SQLite would do by itself: only the next writer begins a log anew, if it knows that all of it has been
   * written back, and a process that is the first to open the database doesn't. Commands that make one change and end without
   * closing (`create`) would write all of an ever longer log back, each time.
   */
  #endLongLog(): void {
    const size = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= longestLog) return;
    try {
      this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // A full disk: the log goes on.
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }
}

/**
 * Opens (and makes, if need be) `root/wherry.db`.
 * @throws {EngineError} NO_SPACE; STATE_UNAVAILABLE when the directory or file can't be used, STATE_TOO_NEW when a later Wherry has changed it beyond our reading.
 */
export function openStore(root: string): Store {
  const path = `${root}/wherry.db`;
  try {
    return open(path);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    try {
      // On a full disk one looks before one removes.
      if (noSpaceError(error) !== undefined && new Reserve(root).releaseForOpening()) return open(path);
      mkdirSync(root, { recursive: true, mode: 0o711 });
      return open(path);
    } catch (cause) {
      const message = `open state in \`${root}\`: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw noSpaceError(cause) ?? new EngineError({ kind: "unavailable", code: "STATE_UNAVAILABLE", message, cause });
    }
  }
}

function open(path: string): Store {
  const database = new DatabaseSync(path);
  // First of all: without it, parallel processes meet "database is locked" (FACTS 7).
  database.exec("PRAGMA busy_timeout=15000");
  const found = Number(Object.values(database.prepare("PRAGMA user_version").get() ?? {})[0] ?? 0);
  if (found !== schemaVersion) migrate(database, path, found);
  // A log that begins anew gets cut to the limit, so that its size tells how long it is.
  database.exec(`PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=${longestLog}`);
  return new Store(database, path, new Reserve(path.slice(0, path.lastIndexOf("/"))));
}

function migrate(database: DatabaseSync, path: string, found: number): void {
  if (found > schemaVersion) {
    const minimum = database.prepare("SELECT value FROM meta WHERE key = 'minimum_version'").get() as { value: string } | undefined;
    if (Number(minimum?.value ?? found) <= schemaVersion) return;
    throw new EngineError({
      kind: "failedPrecondition",
      code: "STATE_TOO_NEW",
      message: `open state \`${path}\`: written by a later wherry (schema ${found}, this one reads up to ${schemaVersion}); upgrade wherry`,
    });
  }
  // It holds the containers' environments, passwords included. The log and its index, made next, get the same mode.
  chmodSync(path, 0o600);
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("BEGIN IMMEDIATE");
  try {
    const current = Number(Object.values(database.prepare("PRAGMA user_version").get() ?? {})[0] ?? 0);
    for (const sql of migrations.slice(current)) database.exec(sql);
    database.exec(`PRAGMA user_version=${schemaVersion}`);
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** After some failures, a full disk for one, SQLite has done so already, and refuses to do it twice. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // What has failed is told by the caller.
  }
}
