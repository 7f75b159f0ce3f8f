import { basename, dirname } from "node:path";
import { watchChanges } from "./watch-changes.ts";

export interface LogChangesOptions {
  readonly done?: Promise<unknown>;
  readonly signal?: AbortSignal;
  readonly until?: Date;
}

/** Waits for a log to be written or rotated (inotify on its directory), or for a reason to stop. */
export class LogChanges {
  readonly #watcher: { close(): void } | null;
  readonly #onAbort = (): void => this.#stop();
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changed = false;
  #wake: () => void = () => {};
  /** Nothing more is to be waited for: what is there now is all. */
  last = false;

  constructor(path: string, options: LogChangesOptions) {
    const name = basename(path);
    this.#watcher = startWatch(dirname(path), (changed) => {
      if (changed !== null && changed !== name) return;
      this.#changed = true;
      this.#wake();
    });
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
    if (this.#signal?.aborted === true || this.#watcher === null) this.last = true;
    options.done?.then(this.#onAbort, this.#onAbort);
    if (options.until !== undefined) this.#stopAt(options.until.getTime());
  }

  /** To be called before the log is read; `wait` then returns at once if it changed since. */
  reset(): void {
    this.#changed = false;
  }

  async wait(): Promise<void> {
    if (this.#changed || this.last) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#watcher?.close();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#timer);
  }

  #stop(): void {
    this.last = true;
    this.#wake();
  }

  #stopAt(time: number): void {
    const longest = 2 ** 31 - 1;
    const left = time - Date.now();
    if (left <= 0) this.#stop();
    else this.#timer = setTimeout(() => this.#stopAt(time), Math.min(left, longest));
  }
}

function startWatch(directory: string, onChange: (name: string | null) => void): { close(): void } | null {
  try {
    return watchChanges(directory, onChange);
  } catch {
    return null;
  }
}
