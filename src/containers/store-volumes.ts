import type { ContainerId } from "../core/brands.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { Store } from "../state/store.ts";
import { insertImageMount } from "../state/image-users.ts";
import { getVolume, insertVolume, insertVolumeUse, type VolumeRow } from "../state/volume-rows.ts";
import { ensureVolumeDirectory } from "../volumes/create-volume.ts";
import { settleVolume } from "../volumes/settle-volume.ts";
import type { ContainerHost } from "./container-host.ts";
import type { PlannedMounts } from "./planned-mounts.ts";

/** Brings what dead processes have left of these volumes to its end, and waits for what living ones are at. */
export async function settleVolumes(host: ContainerHost, volumes: readonly VolumeRow[]): Promise<void> {
  for (const { name } of volumes) await settleVolume(host, name);
}

/**
 * In the transaction that stores the container: makes the volumes that are not there, and records which the container uses, so that none can
 * be removed in between. False, and nothing is to be kept, when one is being removed at this moment.
 */
export function storeVolumes(store: Store, container: ContainerId, { volumes, uses, images }: PlannedMounts): boolean {
  for (const volume of volumes) {
    if (!insertVolume(store, volume) && getVolume(store, volume.name)?.status === "removing") return false;
  }
  for (const use of uses) insertVolumeUse(store, { ...use, container });
  for (const image of images) insertImageMount(store, container, image);
  return true;
}

export function makeVolumeDirectories(root: string, volumes: readonly VolumeRow[]): void {
  for (const { name } of volumes) ensureVolumeDirectory(root, name);
  faultPoint("volume-directories-made");
}
