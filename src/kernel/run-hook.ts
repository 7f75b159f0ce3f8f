import { spawn } from "node:child_process";
import { EngineError } from "../core/engine-error.ts";

export interface HookRequest {
  /** `poststart`, say: for messages. */
  readonly kind: string;
  readonly path: string;
  readonly args: readonly string[];
  /** `NAME=value` each; all that the hook gets. */
  readonly env: readonly string[];
  /** Milliseconds; 0 for as long as it takes. */
  readonly timeoutMs: number;
  /** JSON, its standard input. */
  readonly state: string;
  readonly cwd: string;
}

/** Bytes of its output that are told. */
const OUTPUT_KEPT = 900;

/**
 * Runs a hook in our own namespaces and waits for its end. In a session of its own, which is killed when the time is over.
 * @throws {EngineError} HOOK_FAILED with what it printed.
 * @see runtime-spec config.md#posix-platform-hooks
 */
export function runHook(request: HookRequest): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(request.path, request.args.slice(1), {
    argv0: request.args[0] ?? request.path,
    env: Object.fromEntries(request.env.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)])),
    cwd: request.cwd,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(0, OUTPUT_KEPT);
  };
  const fail = (why: string): void => {
    const said = output.trim();
    const message = `run the ${request.kind} hook \`${request.path}\`: ${why}${said === "" ? "" : `: ${said}`}`;
    reject(new EngineError({ kind: "failedPrecondition", code: "HOOK_FAILED", message }));
  };
  const timer =
    request.timeoutMs === 0
      ? undefined
      : setTimeout(() => {
          if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
          fail(`ended after ${request.timeoutMs} ms`);
        }, request.timeoutMs);
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  // One that does not read its input is no failure.
  child.stdin.on("error", () => {});
  child.stdin.end(request.state);
  child.once("error", (error) => fail(error.message));
  // Not "close": what it started in the background may keep its output open.
  child.once("exit", (status, signal) => {
    clearTimeout(timer);
    if (status === 0) resolve();
    // A moment for what it printed last.
    else setImmediate(() => fail(status === null ? `it was killed by ${signal}` : `it exited with status ${status}`));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    child.stdout.destroy();
    child.stderr.destroy();
  });
}
