import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { poll } from "./poll.ts";
import { removeTestCgroup, testCgroup } from "./test-cgroup.ts";

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

/** Ends an engine that had all its state, and all its processes' arguments, in `directory`, and removes what there is of it. */
export async function endEngine(daemon: StartedDaemon | undefined, directory: string): Promise<void> {
  await daemon?.[Symbol.asyncDispose]();
  // On a loaded machine containerd may go before it has ended a shim of a container that is gone.
  await poll("its processes have gone", () => {
    const left = processesNaming(directory);
    // Asked again, since one of them may have ended meanwhile.
    for (const pid of left) process.kill(pid, "SIGKILL");
    return left.length === 0;
  });
  await removeTestCgroup(testCgroup(directory));
  rmSync(directory, { recursive: true, force: true });
}

function processesNaming(directory: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${directory}/`);
      } catch {
        return false;
      }
    })
    .map(Number);
}
