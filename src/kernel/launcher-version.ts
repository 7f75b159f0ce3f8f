import { spawnSync } from "node:child_process";

/** What the launcher says of itself, or `unknown` when it can't be run. */
export function readLauncherVersion(launcher: string): string {
  const { status, stdout } = spawnSync(launcher, ["version"], { encoding: "utf8", env: {} });
  return status === 0 ? stdout.trim() : "unknown";
}
