import { timestampFromNanos } from "../core/timestamp.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import type { StartedRecord } from "./run-record.ts";

/** From `starting`, which is this process's, to `running`: what runs, and nothing left of an earlier end. */
export function recordStart(host: ContainerHost, row: Pick<ContainerRow, "id" | "starts">, started: StartedRecord): void {
  moveContainer(host.store, {
    id: row.id,
    from: ["starting"],
    to: "running",
    owner: host.owner,
    change: {
      owner: null,
      pid: started.pid,
      pidStart: started.startTime,
      monitorPid: started.monitorPid,
      monitorStart: started.monitorStartTime,
      bootId: host.bootId,
      startedAt: timestampFromNanos(started.time),
      starts: row.starts + 1,
      exitCode: 0,
      error: "",
      oomKilled: false,
      stopRequested: false,
    },
  });
  host.bell.ring();
}
