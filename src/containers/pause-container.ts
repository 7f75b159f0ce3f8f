import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { ContainerRow, RowStatus } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { reconcile } from "./reconcile.ts";

/** How soon to look again whether the one who has frozen it is through, or dead. */
const glanceMs = 20;

/**
 * Freezes a running container. Recorded first, with this process as the row's owner: should it die in between, the next command
 * makes the freezer match the status.
 * @throws {EngineError} CONTAINER_BUSY, CGROUP_BUSY, CGROUP_CONTROLLER_MISSING; it then runs on.
 */
export async function pauseContainer(host: ContainerHost, row: ContainerRow): Promise<void> {
  await claim(host, row, "paused");
  faultPoint("pause-recorded");
  try {
    await host.cgroups.freeze(row.id);
  } catch (error) {
    settle(host, row, { from: "paused", to: "running" });
    throw error;
  }
  faultPoint("frozen");
  settle(host, row, { from: "paused", to: "paused" });
  host.bell.ring();
}

/** @throws {EngineError} CONTAINER_BUSY */
export async function unpauseContainer(host: ContainerHost, row: ContainerRow): Promise<void> {
  await claim(host, row, "running");
  faultPoint("unpause-recorded");
  host.cgroups.thaw(row.id);
  settle(host, row, { from: "running", to: "running" });
  host.bell.ring();
}

/**
 * Lets a running container stand still until the returned function is called, for somebody who reads its files; it stays `running`
 * for everybody else. Should this process die, the next command thaws it.
 * @throws {EngineError} CONTAINER_BUSY, CGROUP_BUSY, CGROUP_CONTROLLER_MISSING
 */
export async function holdStill(host: ContainerHost, row: ContainerRow): Promise<() => void> {
  await claim(host, row, "running");
  const release = () => {
    // Somebody may have paused it meanwhile, or it has ended: then it is not ours to thaw.
    const ours = moveContainer(host.store, { id: row.id, from: ["running"], to: "running", owner: host.owner });
    if (ours) host.cgroups.thaw(row.id);
    settle(host, row, { from: "running", to: "running" });
    host.bell.ring();
  };
  try {
    await host.cgroups.freeze(row.id);
  } catch (error) {
    release();
    throw error;
  }
  faultPoint("held-still");
  return release;
}

/** Waits for whoever has frozen it for a while; one at a time. */
async function claim(host: ContainerHost, row: ContainerRow, to: RowStatus): Promise<void> {
  const process = { pid: row.pid, startTime: row.pidStart };
  const move = () => moveContainer(host.store, { id: row.id, from: [row.status], to, owner: null, process, change: { owner: host.owner } });
  const look = async () => {
    if (move()) return true;
    const now = await reconcile(host, row.id);
    if (now?.status === row.status && now.pid === row.pid) return undefined;
    throw new EngineError({
      kind: "conflict",
      code: "CONTAINER_BUSY",
      message: `pause or unpause container \`${row.name}\`: it is ${now?.status ?? "removed"} by now`,
    });
  };
  if (!move()) await host.bell.until(look, undefined, () => glanceMs);
}

function settle(host: ContainerHost, row: ContainerRow, { from, to }: { readonly from: RowStatus; readonly to: RowStatus }): void {
  moveContainer(host.store, { id: row.id, from: [from], to, owner: host.owner, change: { owner: null } });
}
