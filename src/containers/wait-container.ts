import type { ContainerId } from "../core/brands.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { getContainer } from "../state/container-table.ts";
import type { ProcessEnd } from "../kernel/process-connection.ts";
import { watchEnd } from "../kernel/watch-end.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { reconcile } from "./reconcile.ts";
import { exitCodeOf } from "./run-record.ts";

export type WaitCondition = "not-running" | "next-exit" | "removed";

/**
 * Resolves with the exit code once the condition holds; undefined when the container was removed before anybody could tell this
 * process how it ended. Woken by the bell and by the monitor's socket closing, so an end that nobody could announce (a killed
 * monitor) is seen too.
 * @throws the signal's reason when aborted.
 */
export async function waitContainer(
  host: ContainerHost,
  row: ContainerRow,
  options: { readonly condition?: WaitCondition; readonly signal?: AbortSignal },
): Promise<number | undefined> {
  const condition = options.condition ?? "not-running";
  const startsBefore = row.starts;
  let code = recordedExitCode(row);
  const end = await whenChanged(host, row.id, options.signal, (now) => {
    if (now === undefined) return true;
    code = recordedExitCode(now);
    if (condition === "removed") return undefined;
    const ended = now.status === "exited" || now.status === "removing";
    if (condition === "next-exit") return ended && (now.starts > startsBefore || isLive(row)) ? true : undefined;
    return ended || now.status === "created" ? true : undefined;
  });
  return end === null ? code : exitCodeOf(end.waitStatus);
}

/** What a row that tells of a running process holds is of an earlier one. */
function recordedExitCode(row: ContainerRow): number | undefined {
  return row.status === "running" || row.status === "paused" || row.status === "starting" ? undefined : (row.exitCode ?? 0);
}

/** True when the container has ended (or is gone) within the time; false when the time is up. */
export async function waitForEnd(host: ContainerHost, id: ContainerId, timeoutMs: number | undefined): Promise<boolean> {
  const abort = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => abort.abort(), timeoutMs);
  try {
    await whenChanged(host, id, abort.signal, (now) => (now === undefined || !isLive(now) ? true : undefined));
    return true;
  } catch (error) {
    if (abort.signal.aborted) return false;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function isLive(row: ContainerRow): boolean {
  return row.status === "running" || row.status === "paused" || row.status === "starting" || row.status === "ending";
}

/** How soon to look again at what somebody is doing who may die without ringing. */
const glanceMs = 20;

/** For a container that was removed while we watched: how its process ended, as its monitor told us; the row can't any more. */
async function whenChanged(
  host: ContainerHost,
  id: ContainerId,
  signal: AbortSignal | undefined,
  test: (row: ContainerRow | undefined) => true | undefined,
): Promise<ProcessEnd | null> {
  const first = test(await reconcile(host, id));
  if (first !== undefined) return null;
  let now = getContainer(host.store, id);
  let monitorGone = false;
  const againMs = () => (monitorGone || (now !== undefined && now.owner !== null) ? glanceMs : undefined);
  const look = async () => {
    now = await reconcile(host, id);
    return test(now) === undefined ? undefined : { row: now };
  };
  if (now === undefined || !isLive(now)) {
    await host.bell.until(look, signal, againMs);
    return null;
  }
  // The monitor's end is one more ring of our own bell; its death may be seen a moment after its socket has closed.
  const watch = watchEnd(containerPaths(host.root, host.runRoot, id).run, () => {
    monitorGone = true;
    host.bell.ring();
  });
  try {
    const last = await host.bell.until(look, signal, againMs);
    return last.row === undefined ? await watch.ended : null;
  } finally {
    watch.close();
  }
}

/** Somebody is starting or ending it, or has its files mounted. */
function isInHand(row: ContainerRow): boolean {
  if (row.status === "starting" || row.status === "ending") return true;
  return (row.status === "created" || row.status === "exited") && row.owner !== null;
}

/**
 * The row once nobody is starting or ending the container, or as it is when the time is up; undefined when it is gone. For those who
 * want to change it: the kernel's part of it is another process's until then.
 */
export async function waitUntilSettled(host: ContainerHost, id: ContainerId, timeoutMs?: number): Promise<ContainerRow | undefined> {
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    await whenChanged(host, id, signal, (now) => (now !== undefined && isInHand(now) ? undefined : true));
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  return getContainer(host.store, id);
}
