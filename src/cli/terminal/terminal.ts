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
 * Hands every key to us as it is typed, control characters included. Disposing gives the terminal back as it was; safe to repeat.
 * @see termios(3), raw mode
 */
export class RawMode implements Disposable {
  readonly #stream: ReadStream;

  constructor(fd: number) {
    this.#stream = new ReadStream(fd);
    this.#stream.setRawMode(true);
  }

  [Symbol.dispose](): void {
    this.#stream.setRawMode(false);
  }
}
