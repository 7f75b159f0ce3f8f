import { poll } from "./poll.ts";

/** A program on a terminal of its own, as a person would use it. Uses Bun's pty, because tests run in Bun only. */
export class TerminalProgram implements AsyncDisposable {
  readonly #decoder = new TextDecoder();
  readonly #process: Bun.Subprocess;
  readonly #terminal: Bun.Terminal;
  #output = "";

  constructor(
    command: readonly string[],
    options: { readonly rows?: number; readonly columns?: number; readonly env?: Record<string, string> } = {},
  ) {
    this.#process = Bun.spawn([...command], {
      env: { ...process.env, TERM: "xterm", ...options.env },
      terminal: {
        rows: options.rows ?? 24,
        cols: options.columns ?? 80,
        data: (_terminal, bytes) => {
          this.#output += this.#decoder.decode(bytes, { stream: true });
        },
      },
    });
    const terminal = this.#process.terminal;
    if (terminal === undefined) throw new Error("bun made no terminal");
    this.#terminal = terminal;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All that the program has written, with the terminal's `\r\n`. */
  get output(): string {
    return this.#output;
  }

  /** Keys, as bytes: Enter is `\r`, Ctrl-P Ctrl-Q is `\x10\x11`. */
  type(keys: string): void {
    this.#terminal.write(keys);
  }

  resize(size: { readonly rows: number; readonly columns: number }): void {
    this.#terminal.resize(size.columns, size.rows);
  }

  /** Resolves once the output matches. @throws after `timeoutMs`, with what was there instead. */
  async sees(pattern: RegExp | string, timeoutMs = 10_000): Promise<void> {
    try {
      await poll(
        `the terminal shows ${pattern}`,
        () => (typeof pattern === "string" ? this.#output.includes(pattern) : pattern.test(this.#output)),
        { timeoutMs },
      );
    } catch (error) {
      throw new Error(`the terminal does not show ${pattern}; it shows ${JSON.stringify(this.#output)}`, { cause: error });
    }
  }

  /** The exit code, 128 + n for a signal. */
  get exited(): Promise<number> {
    return this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#terminal.close();
  }
}
