import type { ContainerId } from "../core/brands.ts";
import { timestampFromNanos, timestampNow } from "../core/timestamp.ts";
import { isAlive } from "../kernel/process-reference.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { getContainer, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { type Ending, finishContainer, releaseRunning, unknownExitCode } from "./finish-container.ts";
import { isOwnerAlive } from "./process-owner.ts";
import { removeStopped } from "./remove-container.ts";
import { exitCodeOf, readExitRecord, readStartedRecord } from "./run-record.ts";

/** How long an exit record may take once the process is gone and its monitor lives. */
const recordDelayMs = 5_000;

/**
 * Makes the row say what is true now and returns it; undefined when the container is gone. The one place that decides what became
 * of a container: used by the exit hook, by every command that looks at one, and at engine start. Idempotent, safe to race.
 */
export async function reconcile(host: ContainerHost, id: ContainerId): Promise<ContainerRow | undefined> {
  const row = getContainer(host.store, id);
  if (row === undefined) return undefined;
  switch (row.status) {
    case "created":
      return row;
    case "exited":
      // An ended `--rm` container whose remover died.
      if (row.autoRemove && (await removeStopped(host, row))) return undefined;
      return row;
    case "starting":
      return isOwnerAlive(row.owner, host.bootId) ? row : settleStarting(host, row);
    case "removing":
      return isOwnerAlive(row.owner, host.bootId) ? row : settleRemoving(host, row);
    case "running":
    case "paused":
      return settleRunning(host, row);
    default:
      return row.status satisfies never;
  }
}

async function settleRunning(host: ContainerHost, row: ContainerRow): Promise<ContainerRow | undefined> {
  if (row.bootId !== host.bootId) return finish(host, row, lost("the host was restarted"));
  const process = { pid: row.pid, startTime: row.pidStart };
  const monitor = { pid: row.monitorPid, startTime: row.monitorStart };
  if (isAlive(process) && isAlive(monitor)) return row;
  const record = await exitRecord(host, row);
  if (record !== null) return finish(host, row, record);
  // The monitor is gone without a word: its container dies by the parent-death signal; make sure that all of it does.
  await host.cgroups.kill(row.id);
  return finish(host, row, lost("its monitor was killed"));
}

/** The starter died. Either the launcher got as far as leaving its record, or it gave up when its client was gone. */
async function settleStarting(host: ContainerHost, row: ContainerRow): Promise<ContainerRow | undefined> {
  const started =
    row.owner?.endsWith(`:${host.bootId}`) === true ? readStartedRecord(containerPaths(host.root, host.runRoot, row.id).run) : null;
  if (started === null) {
    await host.cgroups.kill(row.id);
    await releaseRunning(host, row);
    const back = row.starts > 0 ? "exited" : "created";
    moveContainer(host.store, { id: row.id, from: ["starting"], to: back, change: { owner: null } });
    const settled = getContainer(host.store, row.id);
    if (settled?.autoRemove === true && settled.status === "created") return (await removeStopped(host, settled)) ? undefined : settled;
    return settled;
  }
  moveContainer(host.store, {
    id: row.id,
    from: ["starting"],
    to: "running",
    change: {
      owner: null,
      pid: started.pid,
      pidStart: started.startTime,
      monitorPid: started.monitorPid,
      monitorStart: started.monitorStartTime,
      bootId: host.bootId,
      startedAt: timestampFromNanos(started.time),
      starts: row.starts + 1,
    },
  });
  return reconcile(host, row.id);
}

async function settleRemoving(host: ContainerHost, row: ContainerRow): Promise<ContainerRow | undefined> {
  moveContainer(host.store, { id: row.id, from: ["removing"], to: "exited", change: { owner: null } });
  const back = getContainer(host.store, row.id);
  if (back === undefined) return undefined;
  // Half removed is of no use to anybody.
  return (await removeStopped(host, back)) ? undefined : getContainer(host.store, row.id);
}

async function finish(host: ContainerHost, row: ContainerRow, ending: Ending): Promise<ContainerRow | undefined> {
  await finishContainer(host, row, ending);
  return getContainer(host.store, row.id);
}

async function exitRecord(host: ContainerHost, row: ContainerRow): Promise<Ending | null> {
  const { run } = containerPaths(host.root, host.runRoot, row.id);
  const deadline = Date.now() + recordDelayMs;
  for (;;) {
    const monitorLives = isAlive({ pid: row.monitorPid, startTime: row.monitorStart });
    const record = readExitRecord(run);
    if (record !== null) return { exitCode: exitCodeOf(record.waitStatus), finishedAt: timestampFromNanos(record.time), error: "" };
    // Written by the monitor the moment it reaps; without a monitor it never comes.
    if (!monitorLives || Date.now() > deadline) return null;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function lost(why: string): Ending {
  return { exitCode: unknownExitCode, finishedAt: timestampNow(), error: `ended with an unknown status: ${why}` };
}
