import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { isEnding } from "../kernel/process-reference.ts";
import type { ContainerRow, RowStatus } from "../state/container-row.ts";
import { getContainer, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { reconcile } from "./reconcile.ts";
import { notRunning } from "./require-status.ts";

/** How soon to look again whether the one who has frozen it is through, or dead. */
const glanceMs = 20;

/**
 * Freezes a running container. Recorded first, with this process as the row's owner: should it die in between, the next command
 * makes the freezer match the status.
 * @throws {EngineError} CONTAINER_BUSY, CGROUP_BUSY, CGROUP_CONTROLLER_MISSING; it then runs on.
 */
export async function pauseContainer(host: ContainerHost, row: ContainerRow): Promise<void> {
  if (!(await claim(host, row, "paused"))) throw overtaken(host, row, "pause");
  faultPoint("pause-recorded");
  try {
    await host.cgroups.freeze(row);
  } catch (error) {
    settle(host, row, { from: "paused", to: "running" });
    throw hasEnded(row) ? notRunning(row, "pause") : error;
  }
  faultPoint("frozen");
  settle(host, row, { from: "paused", to: "paused" });
  host.bell.ring();
}

/** @throws {EngineError} CONTAINER_BUSY */
export async function unpauseContainer(host: ContainerHost, row: ContainerRow): Promise<void> {
  if (!(await claim(host, row, "running"))) throw overtaken(host, row, "unpause");
  faultPoint("unpause-recorded");
  host.cgroups.thaw(row);
  settle(host, row, { from: "running", to: "running" });
  host.bell.ring();
}

function hasEnded(row: ContainerRow): boolean {
  return isEnding({ pid: row.pid, startTime: row.pidStart });
}

/**
 * Lets a running container stand still (one that just ends does that by itself) until the returned function is called, for somebody who reads its files; it stays `running`
 * for everybody else. Should this process die, the next command thaws it.
 * @throws {EngineError} CGROUP_BUSY, CGROUP_CONTROLLER_MISSING
 */
export async function holdStill(host: ContainerHost, row: ContainerRow): Promise<() => void> {
  if (!(await claim(host, row, "running"))) return () => undefined;
  const release = () => {
    // Somebody may have paused it meanwhile, or it has ended: then it is not ours to thaw.
    const ours = moveContainer(host.store, { id: row.id, from: ["running"], to: "running", owner: host.owner });
    if (ours) host.cgroups.thaw(row);
    settle(host, row, { from: "running", to: "running" });
    host.bell.ring();
  };
  try {
    await host.cgroups.freeze(row);
  } catch (error) {
    release();
    if (!hasEnded(row)) throw error;
  }
  faultPoint("held-still");
  return release;
}

/** Waits for whoever has frozen it for a while; one at a time. False when its status has changed meanwhile. */
async function claim(host: ContainerHost, row: ContainerRow, to: RowStatus): Promise<boolean> {
  const process = { pid: row.pid, startTime: row.pidStart };
  const move = () => moveContainer(host.store, { id: row.id, from: [row.status], to, owner: null, process, change: { owner: host.owner } });
  const look = async () => {
    if (move()) return true;
    const now = await reconcile(host, row.id);
    return now?.status === row.status && now.pid === row.pid ? undefined : false;
  };
  return move() || (await host.bell.until(look, undefined, () => glanceMs));
}

function overtaken(host: ContainerHost, row: ContainerRow, doing: string): EngineError {
  const status = getContainer(host.store, row.id)?.status ?? "removed";
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_BUSY",
    message: `${doing} container \`${row.name}\`: it is ${status} by now`,
  });
}

function settle(host: ContainerHost, row: ContainerRow, { from, to }: { readonly from: RowStatus; readonly to: RowStatus }): void {
  moveContainer(host.store, { id: row.id, from: [from], to, owner: host.owner, change: { owner: null } });
}
