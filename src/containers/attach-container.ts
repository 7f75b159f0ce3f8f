import { parseSignal } from "../core/signals.ts";
import { attachToMonitor } from "../kernel/attach-client.ts";
import type { AttachOptions, ProcessStreams } from "../kernel/process-streams.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { lostMonitor, streamsOf } from "./follow-process.ts";
import { exitCodeOf } from "./run-record.ts";
import { waitContainer } from "./wait-container.ts";

/** Joins a running container's streams. `exited` waits until the end is recorded, whoever records it. */
export async function attachContainer(host: ContainerHost, row: ContainerRow, options: AttachOptions): Promise<ProcessStreams> {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const connection = await attachToMonitor(containerPaths(host.root, host.runRoot, row.id).run, options);
  const exited = connection.ended.then(async (end) => {
    if (end === null) return connection.closed ? null : await lostMonitor(host, row, { pid: row.monitorPid, startTime: row.monitorStart });
    // Recorded by the exit hook or by whoever started it.
    await waitContainer(host, row, {}).catch(() => 0);
    return exitCodeOf(end.waitStatus);
  });
  const streams = streamsOf(connection, {
    tty: settings.tty ?? false,
    exited,
    kill: (signal) => {
      sendSignal(host.launcher, { pid: row.pid, startTime: row.pidStart }, parseSignal(signal));
    },
  });
  // As docker: the process's input ends with one client's only if it was made for one (StdinOnce).
  return settings.stdinOnce === true ? streams : { ...streams, closeStdin: () => {} };
}
