import type { ContainerId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { Store } from "../state/store.ts";

/** Host ids from here on are dealt out; below lie people and services, and what /etc/subuid usually holds. */
const firstBase = 0x10000 * 16;
const ranges = 4_000;

/**
 * Reserves a range of 65,536 host ids for a container with `--userns auto`, once; the row's end frees it. Two containers never
 * share a range: the base is a primary key.
 * @throws {EngineError} NO_ID_RANGE.
 */
export function reserveIdRange(store: Store, id: ContainerId): number {
  return store.transaction(() => {
    const own = findIdRange(store, id);
    if (own !== null) return own;
    const base = nextIdRange(store);
    store.prepare("INSERT INTO id_ranges (base, container) VALUES (?, ?)").run(base, id);
    return base;
  });
}

/** The range that the next container would get. */
export function nextIdRange(store: Store): number {
  const rows = store.prepare("SELECT base FROM id_ranges").all();
  const used = new Set(rows.map((row) => Number(row["base"])));
  for (let index = 0; index < ranges; index++) {
    const base = firstBase + index * idRangeSize;
    if (!used.has(base)) return base;
  }
  throw new EngineError({
    kind: "resourceExhausted",
    code: "NO_ID_RANGE",
    message: `reserve user ids for the container: all ${ranges} ranges are taken; remove containers that were made with --userns auto`,
  });
}

export function findIdRange(store: Store, id: ContainerId): number | null {
  const row = store.prepare("SELECT base FROM id_ranges WHERE container = ?").get(id);
  return row === undefined || row === null ? null : Number(row["base"]);
}
