import { EngineError } from "../core/engine-error.ts";
import { findVolumes, isTrue } from "./list-volumes.ts";
import { removeVolume } from "./remove-volume.ts";
import type { VolumeHost } from "./volume-host.ts";
import { volumeBytes } from "./volume-usage.ts";

export interface PruneReport {
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

/**
 * Removes volumes that no container has: those made without a name, with the filter `all=true` the others too. One that somebody takes into
 * use meanwhile stays.
 * @throws {EngineError} INVALID_FILTER
 */
export async function pruneVolumes(host: VolumeHost, filters: Readonly<Record<string, readonly string[]>> = {}): Promise<PruneReport> {
  const { all = [], ...rest } = filters;
  const everything = all.some((value) => isTrue("all", value));
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const row of await findVolumes(host, { ...rest, dangling: ["true"] }, ["dangling", "label", "label!"])) {
    if (!everything && !row.anonymous) continue;
    const bytes = await volumeBytes(host, row);
    try {
      await removeVolume(host, row.name);
    } catch (error) {
      if (error instanceof EngineError && (error.code === "VOLUME_IN_USE" || error.code === "VOLUME_NOT_FOUND")) continue;
      throw error;
    }
    deleted.push(row.name);
    reclaimedBytes += bytes;
  }
  return { deleted, reclaimedBytes };
}
