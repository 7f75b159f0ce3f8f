import { faultPoint } from "../core/fault-point.ts";
import { isAlive } from "../kernel/process-reference.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";

/** Whether the process that wrote `owner` (`pid:starttime:bootid`) into a row still exists. */
export function isOwnerAlive(owner: string | null, bootId: string): boolean {
  if (owner === null) return false;
  const [pid = "0", startTime = "0", boot = ""] = owner.split(":");
  return boot === bootId && isAlive({ pid: Number(pid), startTime: BigInt(startTime) });
}

/** Takes a row over from an owner that is dead. False when another process was faster: then it is that one's. */
export function takeOver(host: ContainerHost, row: ContainerRow): boolean {
  const taken = moveContainer(host.store, {
    id: row.id,
    from: [row.status],
    to: row.status,
    owner: row.owner,
    change: { owner: host.owner },
  });
  if (taken) faultPoint("taken-over");
  return taken;
}
