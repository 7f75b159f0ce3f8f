import { faultPoint } from "../core/fault-point.ts";
import type { Timestamp } from "../core/timestamp.ts";
import type { ProcessReference } from "../kernel/process-reference.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { releaseRunning } from "./release-running.ts";
import { completeRemoval } from "./remove-container.ts";

/** How a container's process ended. */
export interface Ending {
  readonly exitCode: number;
  readonly finishedAt: Timestamp;
  /** Why it is not simply what the process returned; else empty. */
  readonly error: string;
}

/** The exit code of a container of which nobody saw the end, as docker shows one after a power cut. */
export const unknownExitCode = 255;

/**
 * Records the end of that process of a container, frees what it held while running (cgroups, run directory) and removes it if it
 * was `--rm`. Safe to race: one caller does it, and the row is not free to be started again before that is through. False when it
 * was not this one; the end then is, or soon will be, recorded.
 */
export async function finishContainer(
  host: ContainerHost,
  row: Pick<ContainerRow, "id" | "options" | "autoRemove">,
  end: { readonly process: ProcessReference; readonly ending: Ending },
): Promise<boolean> {
  faultPoint("end-seen");
  const { exitCode, finishedAt, error } = end.ending;
  const oomKilled = host.cgroups.oomKills(row) > 0;
  const claimed = moveContainer(host.store, {
    id: row.id,
    from: ["running", "paused"],
    to: row.autoRemove ? "removing" : "ending",
    process: end.process,
    change: { owner: host.owner, pid: 0, pidStart: 0n, monitorPid: 0, monitorStart: 0n, exitCode, oomKilled, error, finishedAt },
  });
  if (!claimed) return false;
  faultPoint("end-recorded");
  await (row.autoRemove ? completeRemoval(host, row) : completeEnding(host, row));
  return true;
}

/**
 * From `ending` to `exited`, for the row's owner.
 * @throws {EngineError} CGROUP_BUSY; the row is anybody's then, the next command tries again.
 */
export async function completeEnding(host: ContainerHost, row: Pick<ContainerRow, "id" | "options">): Promise<void> {
  try {
    await releaseRunning(host, row);
  } catch (error) {
    moveContainer(host.store, { id: row.id, from: ["ending"], to: "ending", owner: host.owner, change: { owner: null } });
    throw error;
  }
  moveContainer(host.store, { id: row.id, from: ["ending"], to: "exited", owner: host.owner, change: { owner: null } });
  faultPoint("end-completed");
  host.bell.ring();
}
