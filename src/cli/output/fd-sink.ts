import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { delay } from "../../core/delay.ts";
import { EngineError } from "../../core/engine-error.ts";
import type { OutputSink } from "./output-sink.ts";

/**
 * Writes to a descriptor that others may share, without ever blocking the event loop, so that signals are still forwarded while a reader
 * sleeps. `process.stdout` could do this too, but costs 9 ms to load, more than all the rest of `run`.
 *
 * Files are written directly. For pipes and terminals `/proc/self/fd/N` is opened once more, non-blocking: that is a new file description,
 * so the flag does not leak to the other holders of the pipe (setting O_NONBLOCK on the inherited one would). When that is full, the rest
 * goes to the inherited blocking descriptor on the thread pool. Sockets, which can't be re-opened, always take the thread pool.
 * The process must have a handler for SIGPIPE (main.ts does), else a reader that leaves ends it.
 */
export class FdSink implements OutputSink {
  readonly fd: number;
  readonly #name: string;
  #fastFd: number | undefined;
  #readerGone = false;
  #readerLeft = false;
  #pending: Promise<void> | undefined;

  constructor(fd: number, name: string) {
    this.fd = fd;
    this.#name = name;
  }

  write(data: string | Uint8Array): void | Promise<void> {
    if (this.#readerGone) return;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (bytes.length === 0) return this.#pending;
    if (this.#pending !== undefined) return this.#enqueue(bytes);
    const rest = this.#writeNow(bytes);
    if (rest.length > 0) return this.#enqueue(rest);
  }

  get readerLeft(): boolean {
    return this.#readerLeft;
  }

  async drain(): Promise<void> {
    await this.#pending;
  }

  #enqueue(bytes: Uint8Array): Promise<void> {
    const before = this.#pending;
    const mine = (async () => {
      await before;
      await this.#writeOnThreadPool(bytes);
    })();
    this.#pending = mine;
    const clear = (): void => {
      if (this.#pending === mine) this.#pending = undefined;
    };
    mine.then(clear, clear);
    return mine;
  }

  /** Writes as much as goes without waiting; returns what is left. */
  #writeNow(bytes: Uint8Array): Uint8Array {
    this.#fastFd ??= openFast(this.fd);
    if (this.#fastFd < 0) return bytes;
    let offset = 0;
    try {
      while (offset < bytes.length) offset += writeSync(this.#fastFd, bytes, offset);
    } catch (error) {
      if (errorCode(error) !== "EAGAIN") this.#handle(error);
    }
    return this.#readerGone ? bytes.subarray(bytes.length) : bytes.subarray(offset);
  }

  async #writeOnThreadPool(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length && !this.#readerGone) {
      try {
        offset += await writeBlocking(this.fd, bytes.subarray(offset));
      } catch (error) {
        // Somebody has made the shared description non-blocking; there is nothing to wait on by other means.
        if (errorCode(error) === "EAGAIN") await delay(1);
        else this.#handle(error);
      }
    }
  }

  #handle(error: unknown): void {
    const code = errorCode(error);
    // EIO: the terminal has hung up. EBADF: the caller closed it (`>&-`).
    if (code === "EPIPE" || code === "EIO" || code === "EBADF" || code === "ECONNRESET") {
      this.#readerGone = true;
      this.#readerLeft = code === "EPIPE" || code === "ECONNRESET";
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError({
      kind: "resourceExhausted",
      code: "CLI_OUTPUT_FAILED",
      message: `write to ${this.#name}: ${reason}`,
      cause: error,
    });
  }
}

/** A descriptor that never blocks, or -1 when there is none. */
function openFast(fd: number): number {
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) return fd;
    if (stat.isFIFO() || stat.isCharacterDevice()) {
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    }
  } catch {
    // No /proc, no permission (a pipe of another user), or not open at all: the thread pool finds out.
  }
  return -1;
}

function writeBlocking(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
