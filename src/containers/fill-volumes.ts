import { listVolumeUses, markFilled } from "../state/volume-rows.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { copyMergedDirectory } from "../layers/copy-merged-directory.ts";
import { fillVolume } from "../volumes/fill-volume.ts";
import { parseBacking } from "../volumes/local-driver.ts";
import { ensureVolumeDirectory } from "../volumes/create-volume.ts";
import { settleVolume } from "../volumes/settle-volume.ts";
import type { ContainerHost } from "./container-host.ts";
import { removeStopped } from "./remove-container.ts";

/**
 * Makes a container's volumes ready to be mounted: their directories, and in those that are empty, what the image has at that place. Once a
 * container; what a dead process has left of it is done by the next. Volumes that lie elsewhere on the host are taken as they are.
 * @throws {EngineError} TREE_FAILED
 */
export async function fillVolumes(host: ContainerHost, row: Pick<ContainerRow, "id" | "layers">): Promise<void> {
  for (const use of listVolumeUses(host.store, row.id)) {
    const volume = await settleVolume(host, use.volume);
    if (volume === undefined || parseBacking(volume.name, volume.options).kind !== "directory") continue;
    ensureVolumeDirectory(host.root, volume.name);
    if (!use.fill) continue;
    const stack = host.layers.lowers(row.layers);
    await fillVolume(host, volume, (target) => copyMergedDirectory(host.launcher, { stack, path: use.target }, target));
    // Somebody else may be filling it at this moment: then what it gets is what counts.
    await settleVolume(host, use.volume);
    markFilled(host.store, row.id, use.target);
  }
}

/** The same for one that was just made: without its volumes there is no container. */
export async function fillNewContainer(host: ContainerHost, row: Pick<ContainerRow, "id" | "options" | "layers">): Promise<void> {
  try {
    await fillVolumes(host, row);
  } catch (error) {
    await removeStopped(host, row, { volumes: true });
    throw error;
  }
}
