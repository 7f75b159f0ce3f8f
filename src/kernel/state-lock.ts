import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { isAlive, ownProcess, type ProcessReference } from "./process-reference.ts";

const prefix = "lock.";
const released = "released";
const patienceMs = 60_000;

/**
 * One holder at a time of a directory's lock, between processes, without file locks (which the runtime does not offer). `lock.N` says who
 * holds it, or that he has let go; the highest N counts, and whoever may follow makes N+1, which the file system lets only one do.
 * A holder that died is followed at once. Disposing gives it back.
 */
export class StateLock implements Disposable {
  readonly #path: string;
  /** The last holder has died with it: what it had others do may not be over. */
  readonly followsDead: boolean;

  private constructor(path: string, followsDead: boolean) {
    this.#path = path;
    this.followsDead = followsDead;
  }

  /**
   * Waits for whoever holds it. The directory must exist. `whose`: what it is about, for the message.
   * @throws {EngineError} CONTAINER_BUSY after a minute.
   */
  static acquire(directory: string, whose = "this container"): StateLock {
    const end = Date.now() + patienceMs;
    const clock = new Int32Array(new SharedArrayBuffer(4));
    for (let wait = 1; ; wait = Math.min(wait * 2, 20)) {
      const lock = StateLock.#attempt(directory);
      if (lock !== null) return lock;
      if (Date.now() > end) {
        throw new EngineError({
          kind: "conflict",
          code: "CONTAINER_BUSY",
          message: `lock \`${directory}\`: another process works on ${whose} for more than a minute`,
        });
      }
      Atomics.wait(clock, 0, 0, wait);
    }
  }

  /** Of a directory that this process has just made: nobody can hold it yet. */
  static first(directory: string): StateLock {
    const path = `${directory}/${prefix}1`;
    writeFileSync(path, ownText(), { mode: 0o600, flag: "wx" });
    return new StateLock(path, false);
  }

  static #attempt(directory: string): StateLock | null {
    const highest = highestOf(directory);
    const last = highest > 0 ? readHolder(`${directory}/${prefix}${highest}`) : null;
    if (last !== null && isAlive(last)) return null;
    const mine = highest + 1;
    const path = `${directory}/${prefix}${mine}`;
    const draft = `${directory}/draft.${process.pid}`;
    writeFileSync(draft, ownText(), { mode: 0o600 });
    try {
      linkSync(draft, path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") return null;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    // Somebody who was slow to make it may come after a later one, which has cleared the earlier ones away.
    const numbers = numbersIn(directory);
    if (Math.max(...numbers) > mine) {
      rmSync(path, { force: true });
      return null;
    }
    for (const number of numbers) if (number < mine) rmSync(`${directory}/${prefix}${number}`, { force: true });
    return new StateLock(path, last !== null);
  }

  [Symbol.dispose](): void {
    try {
      writeFileSync(this.#path, released, { flag: "r+" });
    } catch {
      // The container, and its directory, have been removed meanwhile: by the holder itself.
    }
  }
}

function ownText(): string {
  const { pid, startTime } = ownProcess();
  return `${pid} ${startTime}`;
}

/** Whether somebody alive holds the lock at this moment. */
export function isLocked(directory: string): boolean {
  const highest = highestOf(directory);
  const holder = highest > 0 ? readHolder(`${directory}/${prefix}${highest}`) : null;
  return holder !== null && isAlive(holder);
}

/** Who has not let go of it, alive or not. */
function readHolder(path: string): ProcessReference | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  const [pid, startTime] = text.split(" ");
  if (text.startsWith(released) || startTime === undefined) return null;
  return { pid: Number(pid), startTime: BigInt(startTime) };
}

function highestOf(directory: string): number {
  return Math.max(0, ...numbersIn(directory));
}

function numbersIn(directory: string): readonly number[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)));
}
