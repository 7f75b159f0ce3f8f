import { existsSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import type { ContainerRow } from "../state/container-row.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { removeTree } from "../kernel/remove-tree.ts";
import { deleteContainer, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { type ContainerPaths, containerPaths } from "./container-paths.ts";

/**
 * Removes a container that does not run: its files first, its row last, so that a crash in between leaves a row that can be
 * removed again. Returns false when another process is removing it.
 */
export async function removeStopped(host: ContainerHost, row: ContainerRow): Promise<boolean> {
  const claimed = moveContainer(host.store, { id: row.id, from: ["created", "exited"], to: "removing", change: { owner: host.owner } });
  if (!claimed) return false;
  faultPoint("removal-claimed");
  removeFiles(host, row);
  faultPoint("files-removed");
  deleteContainer(host.store, row.id);
  faultPoint("row-deleted");
  host.bell.ring();
  return true;
}

/** Idempotent. The read-write layer is hostile: only the tree operations walk it. */
export function removeFiles(host: ContainerHost, row: Pick<ContainerRow, "id">): void {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  if (!removeUntouched(paths)) removeTree(host.launcher, paths.directory);
  rmSync(paths.run, { recursive: true, force: true });
}

/**
 * The quick way for a container that has written nothing and has no log: a dozen system calls instead of a process. False as
 * soon as anything else is found; what was removed until then is no loss, since all of it is to go.
 */
function removeUntouched(paths: ContainerPaths): boolean {
  try {
    rmdirSync(paths.upper);
    removeVolatileMark(paths);
    rmdirSync(`${paths.work}/work`);
    rmdirSync(paths.work);
    rmdirSync(paths.rootfs);
    for (const file of [paths.hosts, paths.hostname, paths.resolvConf, paths.log]) unlinkSync(file);
    rmdirSync(paths.directory);
    return true;
  } catch {
    return false;
  }
}

/** `--rm` containers have a volatile overlay, which marks its work directory. */
function removeVolatileMark(paths: ContainerPaths): void {
  const mark = `${paths.work}/work/incompat`;
  if (!existsSync(mark)) return;
  rmdirSync(`${mark}/volatile`);
  rmdirSync(mark);
}

export function busy(row: ContainerRow, doing: string): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_BUSY",
    message: `${doing} container \`${row.name}\`: it is ${row.status} at this moment, by another process; try again`,
  });
}
