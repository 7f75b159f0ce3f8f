import type { ContainerId } from "../core/brands.ts";
import { deleteContainer } from "../state/container-table.ts";
import { getVolume, listVolumeUsers, listVolumeUses } from "../state/volume-rows.ts";
import { claimRemoval, completeVolumeRemoval } from "../volumes/remove-volume.ts";
import { settleVolume } from "../volumes/settle-volume.ts";
import type { ContainerHost } from "./container-host.ts";

/**
 * Deletes a container's row and, in the same transaction, claims those of its volumes that are to go with it and that no other container
 * has; then removes them. A crash in between leaves them marked: whatever next looks at volumes goes on.
 */
export async function deleteContainerWithVolumes(host: ContainerHost, id: ContainerId): Promise<void> {
  const names = new Set(
    listVolumeUses(host.store, id)
      .filter(({ goes }) => goes)
      .map(({ volume }) => volume),
  );
  for (const name of names) await settleVolume(host, name);
  const claimed = host.store.evenWhenFull(() =>
    host.store.transaction(() => {
      deleteContainer(host.store, id);
      return [...names].filter((name) => {
        const volume = getVolume(host.store, name);
        return volume !== undefined && listVolumeUsers(host.store, name).length === 0 && claimRemoval(host, volume);
      });
    }),
  );
  for (const name of claimed) await completeVolumeRemoval(host, name);
}
