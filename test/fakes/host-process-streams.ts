import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { AttachOptions, OutputChunk, ProcessStreams } from "../../src/engine/engine.ts";
import { EngineError } from "../../src/core/engine-error.ts";

/**
 * A process of the host in place of one in a container. With `tty` there is still no terminal, but sizes are written to the output as
 * `[size 40x132]`, so that a test sees them arrive.
 */
export class HostProcessStreams implements ProcessStreams {
  readonly tty: boolean;
  readonly exited: Promise<number | null>;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #queue: OutputChunk[] = [];
  #handler: ((chunk: OutputChunk) => void | Promise<void>) | undefined;
  #handling: Promise<void> = Promise.resolve();
  #close: () => void = () => {};

  constructor(child: ChildProcess, options: { readonly tty: boolean; readonly attach: AttachOptions }) {
    this.#child = child;
    this.tty = options.tty;
    this.pid = child.pid ?? 0;
    if (!options.attach.stdin) child.stdin?.end();
    // A process that does not read: what is written to it is its loss.
    child.stdin?.on("error", () => {});
    this.#listen("stdout");
    this.#listen("stderr");
    if (options.attach.size !== undefined) this.resize(options.attach.size);
    const ended = new Promise<number>((resolve) => {
      child.on("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
    const closed = new Promise<null>((resolve) => {
      this.#close = () => resolve(null);
    });
    this.exited = Promise.race([ended.then((code) => this.#settled(code)), closed]);
  }

  onOutput(handler: (chunk: OutputChunk) => void | Promise<void>): void {
    this.#handler = handler;
    for (const chunk of this.#queue.splice(0)) this.#deliver(chunk);
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const { stdin } = this.#child;
      if (stdin === null) reject(new EngineError({ kind: "conflict", code: "CONTAINER_NOT_RUNNING", message: "no input" }));
      else stdin.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  }

  closeStdin(): void {
    this.#child.stdin?.end();
  }

  resize(size: { readonly rows: number; readonly columns: number }): void {
    this.#deliver({ stream: "stdout", bytes: Buffer.from(`[size ${size.rows}x${size.columns}]`) });
  }

  async kill(signal: string): Promise<void> {
    this.#child.kill(signal as NodeJS.Signals);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  #listen(stream: "stdout" | "stderr"): void {
    this.#child[stream]?.on("data", (bytes: Uint8Array) => this.#deliver({ stream, bytes }));
  }

  #deliver(chunk: OutputChunk): void {
    const handler = this.#handler;
    if (handler === undefined) {
      this.#queue.push(chunk);
      return;
    }
    this.#child.stdout?.pause();
    this.#child.stderr?.pause();
    this.#handling = this.#handling
      .then(() => handler(chunk))
      .then(() => {
        this.#child.stdout?.resume();
        this.#child.stderr?.resume();
      });
  }

  async #settled(code: number): Promise<number> {
    await this.#handling;
    return code;
  }
}

/** Starts `command` on the host. @throws {EngineError} COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE */
export async function spawnOnHost(
  command: readonly string[],
  options: { readonly tty: boolean; readonly attach: AttachOptions; readonly env?: readonly string[] },
): Promise<HostProcessStreams> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const streams = new HostProcessStreams(child, options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      const code = missing ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE";
      reject(
        new EngineError({
          kind: "invalidArgument",
          code,
          message: `exec \`${file}\`: ${missing ? "no such file or directory" : "permission denied"}`,
        }),
      );
    });
  });
  return streams;
}
