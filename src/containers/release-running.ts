import { rmSync } from "node:fs";
import { faultPoint } from "../core/fault-point.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import type { GroupOwner } from "./parent-group.ts";

/**
 * Frees what only a running container needs: its cgroups, with whatever still runs in them, and its run directory. Idempotent; only
 * for the row's owner, since a next start makes the same anew.
 * @throws {EngineError} CGROUP_BUSY
 */
export async function releaseRunning(host: ContainerHost, row: GroupOwner): Promise<void> {
  await host.cgroups.remove(row);
  faultPoint("cgroups-removed");
  rmSync(containerPaths(host.root, host.runRoot, row.id).run, { recursive: true, force: true });
  faultPoint("run-directory-removed");
}
