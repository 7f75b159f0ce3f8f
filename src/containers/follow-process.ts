import { delay } from "../core/delay.ts";
import { timestampFromNanos } from "../core/timestamp.ts";
import type { ProcessConnection } from "../kernel/process-connection.ts";
import type { ProcessStreams } from "../kernel/process-streams.ts";
import { isAlive, type ProcessReference } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import { parseSignal } from "../core/signals.ts";
import type { StartedProcess } from "../runtime/start-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { getContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { finishContainer, unknownExitCode } from "./finish-container.ts";
import { exitCodeOf } from "./run-record.ts";

/** A dying process closes its sockets some time before it is seen to be dead. */
const deathDelayMs = 2_000;

/**
 * The starting client's streams. It has claimed the exit: `exited` resolves once the end is recorded (and an `--rm` container
 * removed) by this process, and the monitor then runs no exit hook.
 */
export function followProcess(host: ContainerHost, row: ContainerRow, started: StartedProcess): ProcessStreams {
  const { connection } = started;
  const process = { pid: started.pid, startTime: started.startTime };
  const exited = connection.ended.then(async (end) => {
    if (end === null) return connection.closed ? null : await lostMonitor(host, row, monitorOf(started));
    const exitCode = exitCodeOf(end.waitStatus);
    const ending = { exitCode, finishedAt: timestampFromNanos(end.time), error: "" };
    if (!(await finishContainer(host, row, { process, ending }))) await untilRecorded(host, row);
    await connection.finish();
    return exitCode;
  });
  return streamsOf(connection, {
    tty: started.tty,
    exited,
    kill: (signal) => {
      sendSignal(host.launcher, process, parseSignal(signal));
    },
  });
}

function monitorOf({ monitorPid, monitorStartTime }: StartedProcess): ProcessReference {
  return { pid: monitorPid, startTime: monitorStartTime };
}

/**
 * The monitor closed the connection without word of an end. If it is dead, so is its container: the exit code that is recorded of
 * that. Null when it lives, and has only left us.
 */
export async function lostMonitor(host: ContainerHost, row: ContainerRow, monitor: ProcessReference): Promise<number | null> {
  const end = performance.now() + deathDelayMs;
  while (isAlive(monitor)) {
    if (performance.now() > end) return null;
    await delay(2);
  }
  await untilRecorded(host, row);
  return getContainer(host.store, row.id)?.exitCode ?? unknownExitCode;
}

/** Somebody else records the end (and removes an `--rm` container). */
async function untilRecorded(host: ContainerHost, row: ContainerRow): Promise<void> {
  const { waitContainer, waitForEnd } = await import("./wait-container.ts");
  if (row.autoRemove) await waitContainer(host, row, { condition: "removed" });
  else await waitForEnd(host, row.id, undefined);
}

/** `ProcessStreams` over a monitor's connection. */
export function streamsOf(
  connection: ProcessConnection,
  rest: { readonly tty: boolean; readonly exited: Promise<number | null>; readonly kill: (signal: string) => void },
): ProcessStreams {
  return {
    tty: rest.tty,
    exited: rest.exited,
    onOutput: (handler) => connection.onOutput(handler),
    write: (bytes) => connection.write(bytes),
    closeStdin: () => connection.closeStdin(),
    resize: (size) => connection.resize(size),
    kill: async (signal) => rest.kill(signal),
    [Symbol.asyncDispose]: async () => connection.close(),
  };
}
