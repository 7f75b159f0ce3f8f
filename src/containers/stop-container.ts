import { EngineError } from "../core/engine-error.ts";
import { parseSignal } from "../core/signals.ts";
import { faultPoint } from "../core/fault-point.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ResolvedProcess } from "../spec/resolve-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import { defaultStopTimeoutSeconds } from "./container-details.ts";
import type { ContainerHost } from "./container-host.ts";
import { waitForEnd } from "./wait-container.ts";

const sigkill = 9;
/** After SIGKILL only the kernel can be in the way (a process in uninterruptible sleep). */
const killPatienceMs = 30_000;

/**
 * The stop signal, patience, then SIGKILL to all that is in the container. Resolves when the end is recorded.
 * @throws {EngineError} INVALID_OPTION for an unknown signal.
 */
export async function stopContainer(
  host: ContainerHost,
  row: ContainerRow,
  options: { readonly timeoutSeconds?: number; readonly signal?: string },
): Promise<void> {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const process = JSON.parse(row.process) as ResolvedProcess;
  const given = options.timeoutSeconds ?? settings.stopTimeoutSeconds ?? defaultStopTimeoutSeconds;
  signalContainer(host, row, options.signal ?? process.stopSignal);
  if (await waitForEnd(host, row.id, given < 0 ? undefined : given * 1000)) return;
  await killContainer(host, row);
}

/** SIGKILL to everything in the container, and waits for the recorded end. */
export async function killContainer(host: ContainerHost, row: ContainerRow): Promise<void> {
  signalContainer(host, row, "SIGKILL");
  await host.cgroups.kill(row);
  await waitUntilKilled(host, row);
}

/** As docker's `kill`: after SIGKILL it waits, so that what comes next (`rm`) finds a container that has ended. Another signal is only sent. */
export async function sendToContainer(host: ContainerHost, row: ContainerRow, signal: string): Promise<void> {
  signalContainer(host, row, signal);
  if (parseSignal(signal) === sigkill) await waitUntilKilled(host, row);
}

async function waitUntilKilled(host: ContainerHost, row: ContainerRow): Promise<void> {
  if (await waitForEnd(host, row.id, killPatienceMs)) return;
  throw new EngineError({
    kind: "internal",
    code: "CONTAINER_UNKILLABLE",
    message: `kill container \`${row.name}\`: process ${row.pid} is still there ${killPatienceMs / 1000} seconds after SIGKILL; it waits in the kernel (see /proc/${row.pid}/stack)`,
  });
}

/**
 * Sends a signal to the container's init by pidfd, so that it can't reach a stranger with the same pid. A paused container gets it
 * when it is thawed; SIGKILL thaws it.
 */
export function signalContainer(host: ContainerHost, row: ContainerRow, signal: string): void {
  const number = parseSignal(signal);
  moveContainer(host.store, { id: row.id, from: [row.status], to: row.status, change: { stopRequested: true } });
  sendSignal(host.launcher, { pid: row.pid, startTime: row.pidStart }, number);
  faultPoint("signal-sent");
  if (number === sigkill && row.status === "paused") host.cgroups.thaw(row);
}
