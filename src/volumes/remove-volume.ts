import { rmdirSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { deleteVolume, listVolumeUsers, moveVolume, type VolumeRow } from "../state/volume-rows.ts";
import { settleVolume } from "./settle-volume.ts";
import type { VolumeHost } from "./volume-host.ts";
import { volumeNotFound } from "./volume-not-found.ts";
import { volumePaths } from "./volume-paths.ts";

/**
 * Removes a volume that no container has, running or not, with its data.
 * @throws {EngineError} VOLUME_IN_USE, VOLUME_NOT_FOUND, TREE_FAILED (the next command tries again).
 */
export async function removeVolume(host: VolumeHost, name: string): Promise<void> {
  for (;;) {
    const row = await settleVolume(host, name);
    if (row === undefined) throw volumeNotFound(name);
    const claim = () => {
      const users = listVolumeUsers(host.store, name);
      if (users.length > 0) {
        throw new EngineError({
          kind: "conflict",
          code: "VOLUME_IN_USE",
          message: `remove ${name}: volume is in use - [${users.join(", ")}]`,
        });
      }
      return claimRemoval(host, row);
    };
    if (!host.store.evenWhenFull(() => host.store.transaction(claim))) continue;
    await completeVolumeRemoval(host, name);
    return;
  }
}

/** Inside a transaction that has made sure that nobody uses it. False when somebody else is at it. */
export function claimRemoval(host: VolumeHost, row: Pick<VolumeRow, "name" | "status" | "owner">): boolean {
  const { status, owner } = row;
  return status === "ready" && moveVolume(host.store, row.name, { from: { status, owner }, to: { status: "removing", owner: host.owner } });
}

/**
 * Does what `removing` says, for the row's owner: the files first, the row last, so that a crash in between leaves a row that tells what
 * is to be done. Idempotent.
 */
export async function completeVolumeRemoval(host: VolumeHost, name: string): Promise<void> {
  faultPoint("volume-removal-claimed");
  try {
    await removeFiles(host, name);
  } catch (error) {
    moveVolume(host.store, name, { from: { status: "removing", owner: host.owner }, to: { status: "removing", owner: null } });
    throw error;
  }
  faultPoint("volume-files-removed");
  deleteVolume(host.store, name);
  faultPoint("volume-row-deleted");
  host.bell.ring();
}

/** An empty one by two system calls; what containers have written is hostile, so that only the tree operations walk it. */
async function removeFiles(host: VolumeHost, name: string): Promise<void> {
  const { directory, data } = volumePaths(host.root, name);
  try {
    rmdirSync(data);
    rmdirSync(directory);
  } catch {
    const { removeTree } = await import("../kernel/remove-tree.ts");
    removeTree(host.launcher, directory);
  }
}
