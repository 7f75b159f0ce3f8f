import { existsSync, rmdirSync, unlinkSync } from "node:fs";
import type { ContainerRow } from "../state/container-row.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { deleteContainer, hasVolumes, letVolumesGo, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { type ContainerPaths, containerPaths } from "./container-paths.ts";
import { releaseRunning } from "./release-running.ts";

/** Removes a container that does not run, with `volumes` also those that were made for it alone. Returns false when it is not in such a state (any more), or somebody has its files mounted. */
export async function removeStopped(
  host: ContainerHost,
  row: Pick<ContainerRow, "id" | "options">,
  options: { readonly volumes?: boolean } = {},
): Promise<boolean> {
  const claim = () =>
    moveContainer(host.store, { id: row.id, from: ["created", "exited"], to: "removing", owner: null, change: { owner: host.owner } });
  const claimed =
    options.volumes === true
      ? host.store.evenWhenFull(() =>
          host.store.transaction(() => {
            const mine = claim();
            if (mine) letVolumesGo(host.store, row.id);
            return mine;
          }),
        )
      : claim();
  if (claimed) await completeRemoval(host, row);
  return claimed;
}

/**
 * Does what `removing` says, for the row's owner: what the kernel has of it first, then its files, its row last, so that a crash in
 * between leaves a row that tells what is to be done. Idempotent.
 * @throws {EngineError} CGROUP_BUSY, TREE_FAILED; the row is anybody's then, the next command tries again.
 */
export async function completeRemoval(host: ContainerHost, row: Pick<ContainerRow, "id" | "options">): Promise<void> {
  faultPoint("removal-claimed");
  try {
    await releaseRunning(host, row);
    await removeFiles(host, row);
  } catch (error) {
    moveContainer(host.store, { id: row.id, from: ["removing"], to: "removing", owner: host.owner, change: { owner: null } });
    throw error;
  }
  faultPoint("files-removed");
  // Few containers have any.
  if (hasVolumes(host.store, row.id)) await (await import("./remove-volumes.ts")).deleteContainerWithVolumes(host, row.id);
  else deleteContainer(host.store, row.id);
  faultPoint("row-deleted");
  host.bell.ring();
}

/** Idempotent. The read-write layer is hostile: only the tree operations walk it. */
async function removeFiles(host: ContainerHost, row: Pick<ContainerRow, "id">): Promise<void> {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  if (removeUntouched(paths)) return;
  const { removeTree } = await import("../kernel/remove-tree.ts");
  removeTree(host.launcher, paths.directory);
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
    for (const file of [paths.hosts, paths.hostname, paths.resolvConf]) unlinkSync(file);
    if (existsSync(paths.log)) unlinkSync(paths.log);
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
  unlinkSync(`${mark}/volatile/dirty`);
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
