/**
 * Calls `onStall` once when, in `windowMs` of waiting all told, fewer than `minimumBytes` have moved. Only time between `wait()` and
 * `progress()` counts: whoever reads or feeds a stream slowly is not to be told that its peer is slow.
 */
export class Watchdog implements Disposable {
  readonly #windowMs: number;
  readonly #minimumBytes: number;
  readonly #onStall: () => void;
  readonly #timer: NodeJS.Timeout;
  #waitedMs = 0;
  #bytes = 0;
  #waitingSince: number | undefined = performance.now();

  constructor(windowMs: number, minimumBytes: number, onStall: () => void) {
    this.#windowMs = windowMs;
    this.#minimumBytes = minimumBytes;
    this.#onStall = onStall;
    // One coarse timer a stream, not one a chunk.
    this.#timer = setInterval(() => this.#look(), Math.max(windowMs / 10, 1));
  }

  wait(): void {
    this.#waitingSince ??= performance.now();
  }

  /** Not waiting for the peer now. */
  rest(): void {
    if (this.#waitingSince !== undefined) this.#waitedMs += performance.now() - this.#waitingSince;
    this.#waitingSince = undefined;
  }

  /** That many bytes have moved; not waiting any more. */
  progress(bytes: number): void {
    this.rest();
    this.#bytes += bytes;
    if (this.#bytes < this.#minimumBytes) return;
    this.#bytes = 0;
    this.#waitedMs = 0;
  }

  #look(): void {
    const waiting = this.#waitingSince === undefined ? 0 : performance.now() - this.#waitingSince;
    if (this.#waitingSince === undefined || this.#waitedMs + waiting < this.#windowMs) return;
    clearInterval(this.#timer);
    this.#onStall();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
