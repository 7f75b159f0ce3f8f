import { isAlive } from "./process-reference.ts";

/** Whether the process that wrote `owner` (`pid:starttime:bootid`) into a row still exists. */
export function isOwnerAlive(owner: string | null, bootId: string): boolean {
  if (owner === null) return false;
  const [pid = "0", startTime = "0", boot = ""] = owner.split(":");
  return boot === bootId && isAlive({ pid: Number(pid), startTime: BigInt(startTime) });
}
