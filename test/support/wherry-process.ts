import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { slowness } from "./poll.ts";

export interface RunOptions {
  /** Bytes for its standard input, which then ends; absent: /dev/null. */
  readonly stdin?: string | Uint8Array;
  /** Gives it a pipe that the test writes to through `child.stdin`. */
  readonly openStdin?: boolean;
  /** Added to the test's own environment; undefined removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Kills the program after this time (default 60,000); the result's `signal` is then SIGKILL. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

/** A running program whose output is collected; `done` resolves when it has ended and its output was read to the end. */
export class RunningProgram {
  readonly child: ChildProcess;
  readonly done: Promise<RunResult>;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  constructor(program: string, args: readonly string[], options: RunOptions = {}) {
    const environment = { ...process.env, ...options.env };
    this.child = spawn(program, args, {
      stdio: [options.stdin === undefined && options.openStdin !== true ? "ignore" : "pipe", "pipe", "pipe"],
      env: environment,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.child.stdout?.on("data", (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    // A program may end without reading its input: EPIPE is its right, its exit code tells the rest.
    this.child.stdin?.on("error", () => undefined);
    if (options.stdin !== undefined) this.child.stdin?.end(options.stdin);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), (options.timeoutMs ?? 60_000) * slowness);
    this.done = once(this.child, "close").then(([code, signal]) => {
      clearTimeout(timer);
      const stdoutBytes = Buffer.concat(this.#stdout);
      return { code, signal, stdoutBytes, stdout: stdoutBytes.toString(), stderr: Buffer.concat(this.#stderr).toString() };
    });
  }

  /** What has arrived so far. */
  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }
}
