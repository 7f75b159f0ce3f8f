import { timestampFromNanos } from "../core/timestamp.ts";
import type { ProcessConnection } from "../kernel/process-connection.ts";
import type { ProcessStreams } from "../kernel/process-streams.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import { parseSignal } from "../core/signals.ts";
import type { StartedProcess } from "../runtime/start-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { finishContainer } from "./finish-container.ts";
import { exitCodeOf } from "./run-record.ts";

/**
 * The starting client's streams. It has claimed the exit: `exited` resolves once the end is recorded (and an `--rm` container
 * removed) by this process, and the monitor then runs no exit hook.
 */
export function followProcess(host: ContainerHost, row: ContainerRow, started: StartedProcess): ProcessStreams {
  const { connection } = started;
  const exited = connection.ended.then(async (end) => {
    if (end === null) return null;
    const exitCode = exitCodeOf(end.waitStatus);
    await finishContainer(host, row, { exitCode, finishedAt: timestampFromNanos(end.time), error: "" });
    await connection.finish();
    return exitCode;
  });
  return streamsOf(connection, {
    tty: started.tty,
    exited,
    kill: (signal) => {
      sendSignal(host.launcher, { pid: started.pid, startTime: started.startTime }, parseSignal(signal));
    },
  });
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
