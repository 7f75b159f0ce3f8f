import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";

/** Removes a contender's state: some leave mounts in theirs. */
export function removeDirectory(directory) {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4])
    .filter((path) => path?.startsWith(`${directory}/`));
  for (const path of mounts.toReversed()) spawnSync("umount", ["-l", path]);
  rmSync(directory, { recursive: true, force: true });
}
