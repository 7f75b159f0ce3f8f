import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { poll } from "./poll.ts";

/** A daemon of a test's own, stopped by its pid. */
export class StartedDaemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #log: string;

  private constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#exited = once(child, "exit");
    this.#log = log;
  }

  /** Starts it and waits until `isReady`. Its output goes to the file `log`. */
  static async start(
    command: readonly string[],
    options: { readonly log: string; readonly isReady: () => boolean },
  ): Promise<StartedDaemon> {
    const [program = "", ...args] = command;
    const stream = openSync(options.log, "a");
    const daemon = new StartedDaemon(spawn(program, args, { stdio: ["ignore", stream, stream] }), options.log);
    try {
      await poll(`${program} is ready`, options.isReady, { timeoutMs: 30_000, intervalMs: 100 });
    } catch (error) {
      daemon.#child.kill("SIGKILL");
      throw new Error(`${program} did not start:\n${readFileSync(daemon.#log, "utf8")}`, { cause: error });
    }
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGTERM");
    await this.#exited;
  }
}
