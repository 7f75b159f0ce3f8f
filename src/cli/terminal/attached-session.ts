import type { AttachOptions, ProcessStreams } from "../../engine/engine.ts";
import type { CliContext } from "../cli-context.ts";
import { brokenPipeExitCode, type OutputSink } from "../output/output-sink.ts";
import { defaultDetachKeys, DetachScanner, parseDetachKeys } from "./detach-keys.ts";
import { endingSignals, forwardedSignals } from "./forwarded-signals.ts";
import { readChunks } from "./stdin-reader.ts";
import type { RawMode } from "./terminal.ts";

export interface SessionOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The process has a terminal; ours is made raw when stdin is attached. */
  readonly tty: boolean;
  /** Signals that we get are the process's; not so when our terminal is raw, where keys make none. */
  readonly signalProxy: boolean;
  readonly detachKeys: readonly number[] | undefined;
  /** The process may have drawn its screen long ago: have it do so again, for us. */
  readonly redraw?: boolean;
}

/**
 * Ties our terminal, pipes and signals to a process in a container. Made before the process is, so that no signal is lost in between;
 * `follow` then does the work. Disposing restores the terminal and the handling of signals, whatever happened.
 */
export class AttachedSession implements Disposable {
  readonly #context: CliContext;
  readonly #options: SessionOptions;
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  readonly #early: NodeJS.Signals[] = [];
  #streams: ProcessStreams | undefined;
  #rawMode: RawMode | undefined;
  #killing: Promise<void> = Promise.resolve();
  #end: (exitCode: number) => void = () => {};
  readonly #ended = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  private constructor(context: CliContext, options: SessionOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** @throws {EngineError} nothing of its own; call `checkTerminal` first. */
  static open(context: CliContext, options: SessionOptions): AttachedSession {
    const session = new AttachedSession(context, options);
    if (options.tty && options.stdin) {
      // Keys reach the process as bytes; a signal is meant for us, and its terminal must not stay raw.
      for (const [signal, number] of endingSignals) session.#on(signal, () => session.#end(128 + number));
    } else if (options.signalProxy) {
      for (const signal of forwardedSignals) session.#on(signal, () => session.#forward(signal));
    }
    return session;
  }

  /** What to ask of the engine, with the terminal's size if there is one. */
  async attachOptions(): Promise<AttachOptions> {
    const { stdin, stdout, stderr, tty } = this.#options;
    const size = tty ? (await import("./terminal.ts")).terminalSize(this.#context.stdout.fd) : undefined;
    if (size === undefined) return { stdin, stdout, stderr };
    // As docker: SIGWINCH comes with another size only, and so another one goes before ours.
    const more = this.#options.redraw === true ? 1 : 0;
    return { stdin, stdout, stderr, size: { rows: size.rows + more, columns: size.columns + more } };
  }

  /** Copies until the process has ended and its output is written. The exit code; null after the detach keys. */
  async follow(streams: ProcessStreams): Promise<number | null> {
    await using connection = streams;
    this.#streams = connection;
    for (const signal of this.#early) this.#forward(signal);
    if (this.#options.tty) await this.#takeTerminal(connection);
    connection.onOutput(this.#outputHandler());
    if (this.#options.stdin) void this.#copyStdin(connection);
    return await Promise.race([connection.exited, this.#ended]);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#handlers.clear();
    this.#rawMode?.[Symbol.dispose]();
    this.#rawMode = undefined;
  }

  #on(signal: NodeJS.Signals, handler: () => void): void {
    this.#handlers.set(signal, handler);
    process.on(signal, handler);
  }

  #forward(signal: NodeJS.Signals): void {
    const streams = this.#streams;
    if (streams === undefined) {
      this.#early.push(signal);
      return;
    }
    // One after the other, so that they arrive in order. A process that has just ended needs no signal.
    this.#killing = this.#killing.then(() => streams.kill(signal)).catch(() => {});
  }

  async #takeTerminal(streams: ProcessStreams): Promise<void> {
    const { RawMode, isTerminal, terminalSize } = await import("./terminal.ts");
    if (this.#options.stdin && isTerminal(this.#context.stdinFd)) this.#rawMode = new RawMode(this.#context.stdinFd);
    const { fd } = this.#context.stdout;
    if (!isTerminal(fd)) return;
    const resize = (): void => {
      const size = terminalSize(fd);
      if (size !== undefined) streams.resize(size);
    };
    this.#on("SIGWINCH", resize);
    // It may have changed between `attachOptions` and now.
    resize();
  }

  #outputHandler(): (chunk: { readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array }) => void | Promise<void> {
    // As docker: the client ends, the process runs on.
    const leave = (): void => this.#end(brokenPipeExitCode);
    const out = new QuietSink(this.#context.stdout, { complaints: this.#context.stderr, leave });
    const err = new QuietSink(this.#context.stderr, { complaints: this.#context.stderr, leave });
    return (chunk) => {
      if (chunk.stream === "stdout" ? !this.#options.stdout : !this.#options.stderr) return;
      return (chunk.stream === "stdout" ? out : err).write(chunk.bytes);
    };
  }

  /** As docker: what is wrong in the user's own setting is told, and no reason not to go on. */
  async #usualDetachKeys(): Promise<readonly number[]> {
    const { clientSetting } = await import("../credentials/client-setting.ts");
    const text = clientSetting(this.#context.env, "detachKeys");
    if (text === "") return defaultDetachKeys;
    try {
      return parseDetachKeys(text);
    } catch (error) {
      await this.#context.stderr.write(`wherry: ${error instanceof Error ? error.message : String(error)}; using ctrl-p,ctrl-q\r\n`);
      return defaultDetachKeys;
    }
  }

  async #copyStdin(streams: ProcessStreams): Promise<void> {
    const scanner = this.#options.tty ? new DetachScanner(this.#options.detachKeys ?? (await this.#usualDetachKeys())) : undefined;
    try {
      let writing: Promise<void> = Promise.resolve();
      for await (const chunk of readChunks(this.#context.stdinFd)) {
        await writing;
        const { forward, detached } = scanner === undefined ? { forward: chunk, detached: false } : scanner.scan(chunk);
        if (forward.length > 0) {
          writing = streams.write(forward);
          // Reported by the next await; without a handler in the meantime it would count as unhandled.
          writing.catch(() => {});
        }
        if (detached) {
          await writing;
          await streams[Symbol.asyncDispose]();
          return;
        }
      }
      await writing;
      streams.closeStdin();
      // As docker: with `-a stdin` alone the client's work is done; the process goes on by itself.
      if (!this.#options.stdout && !this.#options.stderr) this.#end(0);
    } catch {
      // The process has closed its input or ended: what is typed from here on has no reader. `exited` tells the rest.
    }
  }
}

/**
 * Passes output on; the first failure (a full disk) is told once, the rest dropped, so that the process is not held up by it.
 * `leave` is called when the reader has closed its end.
 */
class QuietSink {
  readonly #sink: OutputSink;
  readonly #complaints: OutputSink;
  readonly #leave: () => void;
  #failed = false;

  constructor(sink: OutputSink, options: { readonly complaints: OutputSink; readonly leave: () => void }) {
    this.#sink = sink;
    this.#complaints = options.complaints;
    this.#leave = options.leave;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    if (this.#failed) return;
    try {
      const pending = this.#sink.write(bytes);
      if (pending !== undefined)
        return pending.then(
          () => this.#check(),
          (error: unknown) => this.#fail(error),
        );
      this.#check();
    } catch (error) {
      return this.#fail(error);
    }
  }

  #check(): void {
    if (this.#sink.readerLeft) this.#leave();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    if (this.#sink === this.#complaints) return;
    void this.#complaints.write(`wherry: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
