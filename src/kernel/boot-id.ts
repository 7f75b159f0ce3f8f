import { readFileSync } from "node:fs";

/** Changes with every boot of the host, so that a pid and start time of an earlier one are known to be stale. */
export function readBootId(path = "/proc/sys/kernel/random/boot_id"): string {
  return readFileSync(path, "latin1").trim();
}
