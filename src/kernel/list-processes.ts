import { EngineError } from "../core/engine-error.ts";

/**
 * What ps(1) prints of these processes: the heading, and the lines whose PID is among them.
 * @throws {EngineError} INVALID_OPTION when there is no ps, or it refuses its arguments, or prints no PID column.
 */
export function listProcesses(pids: readonly number[], psArguments: readonly string[]): readonly string[] {
  const result = process
    .getBuiltinModule("node:child_process")
    .spawnSync("ps", [...psArguments], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status !== 0) throw refused(result.error?.message ?? result.stderr.trim());
  const [heading = "", ...lines] = result.stdout.split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw refused("its output has no column PID");
  const wanted = new Set(pids.map(String));
  return [heading, ...lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ""))];
}

function refused(reason: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_OPTION", message: `list processes by ps(1): ${reason}` });
}
