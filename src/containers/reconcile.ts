import type { ContainerId } from "../core/brands.ts";
import { delay } from "../core/delay.ts";
import { timestampFromNanos, timestampNow } from "../core/timestamp.ts";
import { isAlive } from "../kernel/process-reference.ts";
import { isOwnerAlive } from "../kernel/process-owner.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { getContainer, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { recordStart } from "./record-start.ts";
import { completeEnding, type Ending, finishContainer, unknownExitCode } from "./finish-container.ts";
import { takeOver } from "./process-owner.ts";
import { releaseRunning } from "./release-running.ts";
import { completeRemoval, removeStopped } from "./remove-container.ts";
import { exitCodeOf, readExitRecord, readStartedRecord } from "./run-record.ts";
import { ensureContainerDirectories } from "./store-container.ts";

const sigkill = 9;
/** How long an exit record may take once the process is gone and its monitor lives. */
const recordDelayMs = 5_000;

/**
 * Makes the row say what is true now and returns it; undefined when the container is gone. The one place that decides what became
 * of a container: used by the exit hook, by every command that looks at one, and at engine start. Idempotent, safe to race; what a
 * living process is at (starting, ending, removing) is left to it.
 */
export async function reconcile(host: ContainerHost, id: ContainerId): Promise<ContainerRow | undefined> {
  const row = getContainer(host.store, id);
  if (row === undefined) return undefined;
  switch (row.status) {
    case "created":
      ensureContainerDirectories(host, row);
      return settleClaim(host, row);
    case "exited":
      // An ended `--rm` container whose start failed, or whose remover died.
      if (row.autoRemove && (await removeStopped(host, row))) return undefined;
      return settleClaim(host, row);
    case "running":
    case "paused":
      return settleRunning(host, row);
    case "starting":
    case "ending":
    case "removing":
      if (isOwnerAlive(row.owner, host.bootId)) return row;
      if (takeOver(host, row)) await goOn(host, row);
      return getContainer(host.store, id);
    default:
      return row.status satisfies never;
  }
}

/** Whoever had its files mounted (stopped-claim.ts) died in between; the mount died along. */
function settleClaim(host: ContainerHost, row: ContainerRow): ContainerRow | undefined {
  if (row.owner === null || isOwnerAlive(row.owner, host.bootId) || !takeOver(host, row)) return row;
  moveContainer(host.store, { id: row.id, from: [row.status], to: row.status, owner: host.owner, change: { owner: null } });
  return getContainer(host.store, row.id);
}

/** What a dead process was at; the row is ours now. */
async function goOn(host: ContainerHost, row: ContainerRow): Promise<void> {
  if (row.status === "starting") await settleStarting(host, row);
  else if (row.status === "ending") await completeEnding(host, row);
  else await completeRemoval(host, row);
}

async function settleRunning(host: ContainerHost, row: ContainerRow): Promise<ContainerRow | undefined> {
  if (row.bootId !== host.bootId) return finish(host, row, lost("the host was restarted"));
  const process = { pid: row.pid, startTime: row.pidStart };
  const monitor = { pid: row.monitorPid, startTime: row.monitorStart };
  if (isAlive(process) && isAlive(monitor)) return settleFreezer(host, row);
  const record = await exitRecord(host, row);
  if (record !== null) return finish(host, row, record);
  // The monitor is gone without a word: its container dies by the parent-death signal; make sure that all of it does.
  const killed = !isAlive(monitor);
  if (!killed) sendSignal(host.launcher, monitor, sigkill);
  await host.cgroups.kill(row);
  return finish(host, row, lost(killed ? "its monitor was killed" : "its monitor did not record the end"));
}

/** Whoever froze or thawed it died in between: the status says what is to be. */
async function settleFreezer(host: ContainerHost, row: ContainerRow): Promise<ContainerRow | undefined> {
  if (row.owner === null || isOwnerAlive(row.owner, host.bootId) || !takeOver(host, row)) return row;
  if (row.status === "paused") await host.cgroups.freeze(row);
  else host.cgroups.thaw(row);
  moveContainer(host.store, { id: row.id, from: [row.status], to: row.status, owner: host.owner, change: { owner: null } });
  return getContainer(host.store, row.id);
}

/** The starter died. Either the launcher got as far as leaving its record, or it gives up because its client is gone. */
async function settleStarting(host: ContainerHost, row: ContainerRow): Promise<void> {
  const { run } = containerPaths(host.root, host.runRoot, row.id);
  const started = row.owner?.endsWith(`:${host.bootId}`) === true ? readStartedRecord(run) : null;
  if (started !== null) {
    recordStart(host, row, started);
    await reconcile(host, row.id);
    return;
  }
  const { killLaunchers } = await import("./stray-launcher.ts");
  await killLaunchers(host, row.id);
  await host.cgroups.kill(row);
  if (row.autoRemove) {
    moveContainer(host.store, { id: row.id, from: ["starting"], to: "removing", owner: host.owner });
    await completeRemoval(host, row);
    return;
  }
  await releaseRunning(host, row);
  const back = row.starts > 0 ? "exited" : "created";
  moveContainer(host.store, { id: row.id, from: ["starting"], to: back, owner: host.owner, change: { owner: null } });
  host.bell.ring();
}

async function finish(host: ContainerHost, row: ContainerRow, ending: Ending): Promise<ContainerRow | undefined> {
  await finishContainer(host, row, { process: { pid: row.pid, startTime: row.pidStart }, ending });
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
    await delay(1);
  }
}

function lost(why: string): Ending {
  return { exitCode: unknownExitCode, finishedAt: timestampNow(), error: `ended with an unknown status: ${why}` };
}
