import { faultPoint } from "../core/fault-point.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";

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
