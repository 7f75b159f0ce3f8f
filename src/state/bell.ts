import { closeSync, mkdirSync, openSync, utimesSync } from "node:fs";
import { watchChanges } from "../kernel/watch-changes.ts";

/**
 * The change bell: one file in the run directory that every writer touches after a transition. Waiters watch it by inotify, so
 * that nothing polls. A ring is a hint to look again, never the news itself.
 */
export class Bell {
  readonly #path: string;

  constructor(runRoot: string) {
    this.#path = `${runRoot}/bell`;
  }

  ring(): void {
    const now = new Date();
    try {
      utimesSync(this.#path, now, now);
    } catch {
      this.#make();
    }
  }

  /**
   * Calls `look` now and after each ring until it returns something other than undefined. No ring between a look and the wait
   * is lost: the watch is set up first. `againMs`, asked after each look, may set a limit to the wait, for what nobody rings for.
   * @throws whatever `look` throws; the signal's reason when aborted.
   */
  async until<Result>(
    look: () => Promise<Result | undefined> | Result | undefined,
    signal?: AbortSignal,
    againMs: () => number | undefined = () => undefined,
  ): Promise<Result> {
    this.#make();
    let wake: () => void = () => undefined;
    let rung = false;
    const watcher = watchChanges(this.#path, () => {
      rung = true;
      wake();
    });
    const onAbort = () => wake();
    signal?.addEventListener("abort", onAbort);
    try {
      for (;;) {
        signal?.throwIfAborted();
        rung = false;
        const result = await look();
        if (result !== undefined) return result;
        if (!rung) {
          const limit = againMs();
          let timer: NodeJS.Timeout | undefined;
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (limit !== undefined) timer = setTimeout(resolve, limit);
            if (rung || signal?.aborted === true) resolve();
          });
          clearTimeout(timer);
        }
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      watcher.close();
    }
  }

  #make(): void {
    try {
      closeSync(openSync(this.#path, "a", 0o600));
    } catch {
      mkdirSync(this.#path.slice(0, this.#path.lastIndexOf("/")), { recursive: true, mode: 0o711 });
      closeSync(openSync(this.#path, "a", 0o600));
    }
  }
}
