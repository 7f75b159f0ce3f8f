import { EngineError } from "../core/engine-error.ts";
import type { ProcessReference } from "./process-reference.ts";

const noSuchProcess = 3;

/**
 * Sends a signal to exactly that process, by pidfd in the launcher. True: it was there; false: it has ended, and whoever has its
 * number now got nothing. A zombie counts as there.
 * @throws {EngineError} LAUNCHER_UNAVAILABLE, SIGNAL_FAILED
 */
export function sendSignal(launcher: string, target: ProcessReference, signal: number): boolean {
  const result = process
    .getBuiltinModule("node:child_process")
    .spawnSync(launcher, ["signal", String(target.pid), String(target.startTime), String(signal)], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {},
      encoding: "utf8",
    });
  if (result.status === 0) return true;
  if (result.status === noSuchProcess) return false;
  if (result.error !== undefined) {
    throw new EngineError({
      kind: "unavailable",
      code: "LAUNCHER_UNAVAILABLE",
      message: `run the launcher \`${launcher}\`: ${result.error.message}`,
      cause: result.error,
    });
  }
  throw new EngineError({
    kind: "internal",
    code: "SIGNAL_FAILED",
    message: `send signal ${signal} to process ${target.pid}: ${result.stderr.trim()}`,
  });
}
