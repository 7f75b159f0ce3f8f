import { rmSync } from "node:fs";
import type { Timestamp } from "../core/timestamp.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { removeStopped } from "./remove-container.ts";

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
 * Records the end of a container, frees what it held while running (cgroups, run directory) and removes it if it was `--rm`.
 * Idempotent and safe to race: one caller records, whoever comes later finds it done.
 */
export async function finishContainer(host: ContainerHost, row: ContainerRow, ending: Ending): Promise<void> {
  faultPoint("end-seen");
  const oomKilled = host.cgroups.oomKills(row.id) > 0;
  moveContainer(host.store, {
    id: row.id,
    from: ["running", "paused", "starting"],
    to: "exited",
    change: {
      owner: null,
      pid: 0,
      pidStart: 0n,
      monitorPid: 0,
      monitorStart: 0n,
      exitCode: ending.exitCode,
      oomKilled,
      error: ending.error,
      finishedAt: ending.finishedAt,
    },
  });
  faultPoint("end-recorded");
  await releaseRunning(host, row);
  if (row.autoRemove) await removeStopped(host, row);
  host.bell.ring();
}

/** Frees what only a running container needs. Idempotent. */
export async function releaseRunning(host: ContainerHost, row: Pick<ContainerRow, "id">): Promise<void> {
  await host.cgroups.remove(row.id);
  faultPoint("cgroups-removed");
  rmSync(containerPaths(host.root, host.runRoot, row.id).run, { recursive: true, force: true });
  faultPoint("run-directory-removed");
}
