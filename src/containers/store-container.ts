import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { randomName } from "../core/random-name.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { imageNotFound } from "../images/resolve-image.ts";
import { hasImage } from "../state/image-rows.ts";
import { deleteContainer, insertContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import type { PlannedMounts } from "./planned-mounts.ts";
import { containerPaths } from "./container-paths.ts";

const nameAttempts = 20;

/**
 * Makes the container's row, with a random name when it has none, then its directories, and returns the row as stored. In this
 * order a crash leaves nothing that no row tells of; the next look at the row makes the directories.
 * @throws {EngineError} CONTAINER_NAME_TAKEN; nothing is left behind.
 */
export async function storeContainer(host: ContainerHost, row: ContainerRow, mounts?: PlannedMounts): Promise<ContainerRow> {
  const stored = mounts === undefined ? insert(host, row) : await insertWithVolumes(host, row, mounts);
  faultPoint("container-row-stored");
  try {
    makeDirectories(host, row);
  } catch (error) {
    rmSync(containerPaths(host.root, host.runRoot, row.id).directory, { recursive: true, force: true });
    if (mounts === undefined) deleteContainer(host.store, row.id);
    else await (await import("./remove-volumes.ts")).deleteContainerWithVolumes(host, row.id);
    throw error;
  }
  faultPoint("container-directories-made");
  return stored;
}

/** For a row whose maker died before it had made them. Idempotent. */
export function ensureContainerDirectories(host: ContainerHost, row: Pick<ContainerRow, "id">): void {
  if (!existsSync(containerPaths(host.root, host.runRoot, row.id).work)) makeDirectories(host, row);
}

/**
 * `work` last: where that is, the others are. The id is no secret (/proc/PID/cgroup shows it): users of this host must not get at the
 * programs in there, which may be set-user-ID (CVE-2021-41091).
 */
function makeDirectories(host: ContainerHost, row: Pick<ContainerRow, "id">): void {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  makeDirectory(paths.directory, 0o700);
  faultPoint("container-directory-made");
  for (const directory of [paths.upper, paths.work]) makeDirectory(directory, 0o755);
}

/** With that very mode, whatever the caller's umask: `upper` is the container's `/`. */
function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch {
    mkdirSync(path, { recursive: true, mode });
  }
  if ((process.umask() & mode) !== 0) chmodSync(path, mode);
}

/** One transaction: no volume without the container that asked for it, no container without its volumes. */
async function insertWithVolumes(host: ContainerHost, row: ContainerRow, mounts: PlannedMounts): Promise<ContainerRow> {
  const { makeVolumeDirectories, settleVolumes, storeVolumes } = await import("./store-volumes.ts");
  for (;;) {
    await settleVolumes(host, mounts.volumes);
    const busy = new Error("a volume is being removed");
    try {
      const stored = insert(host, row, () => {
        if (!storeVolumes(host.store, row.id, mounts)) throw busy;
      });
      makeVolumeDirectories(host.root, mounts.volumes);
      return stored;
    } catch (error) {
      if (error !== busy) throw error;
    }
  }
}

function insert(host: ContainerHost, row: ContainerRow, also: () => void = () => undefined): ContainerRow {
  const write = (named: ContainerRow) => {
    const insertion = () => {
      // In the same transaction as the row that keeps it: the image can't be removed in between.
      if (!hasImage(host.store, row.imageId)) throw imageNotFound(row.image);
      insertContainer(host.store, named);
      also();
    };
    if (row.autoRemove) host.store.transaction(insertion);
    else host.store.durably(insertion);
    return named;
  };
  if (row.name !== "") return write(row);
  for (let attempt = 0; ; attempt++) {
    try {
      return write({ ...row, name: randomName(attempt) });
    } catch (error) {
      const taken = error instanceof EngineError && error.code === "CONTAINER_NAME_TAKEN";
      if (!taken || attempt === nameAttempts) throw error;
    }
  }
}
