import { spawnSync } from "node:child_process";
import { isatty, ReadStream, WriteStream } from "node:tty";

/** Rows and columns, as the kernel has them now; undefined when the descriptor is no terminal or has no size. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Asks the kernel each time. A stream's `columns` and `getWindowSize()` are remembered from its creation under Bun 1.4 and stay wrong in a
 * SIGWINCH handler, so a fresh stream is made; it is never written to.
 */
export function terminalSize(fd: number): TerminalSize | undefined {
  if (!isatty(fd)) return undefined;
  const { columns, rows } = new WriteStream(fd);
  return columns > 0 && rows > 0 ? { rows, columns } : undefined;
}

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

/**
 * Hands every key to us as it is typed, control characters included, and every byte of ours to the terminal as it is: the terminal inside
 * has made `\r\n` already. Node's raw mode leaves the output's processing on (libuv sets ONLCR), so stty does it where there is one.
 * Disposing gives the terminal back as it was; safe to repeat.
 * @see termios(3), raw mode
 */
export class RawMode implements Disposable {
  readonly #fd: number;
  /** As `stty -g` prints it. */
  readonly #before: string | undefined;
  readonly #stream: ReadStream | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    this.#before = stty(fd, "-g")?.trim();
    if (this.#before !== undefined && stty(fd, "raw", "-echo", "-iexten") !== undefined) return;
    this.#stream = new ReadStream(fd);
    this.#stream.setRawMode(true);
  }

  [Symbol.dispose](): void {
    this.#stream?.setRawMode(false);
    if (this.#before !== undefined) stty(this.#fd, this.#before);
  }
}

function stty(fd: number, ...args: readonly string[]): string | undefined {
  const result = spawnSync("stty", args, { stdio: [fd, "pipe", "ignore"], encoding: "utf8" });
  return result.status === 0 ? result.stdout : undefined;
}
