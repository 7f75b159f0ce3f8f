import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Takes away the mounts of image layers that Wherry keeps in a run root, so that it can be removed. */
export function unmountLayers(runRoot) {
  if (existsSync(`${runRoot}/layers`)) spawnSync("umount", ["-R", `${runRoot}/layers`], { stdio: "ignore" });
}
