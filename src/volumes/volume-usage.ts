import type { ContainerId } from "../core/brands.ts";
import { diskUsage } from "../kernel/disk-usage.ts";
import { listVolumeUsers, listVolumes, type VolumeRow } from "../state/volume-rows.ts";
import { parseBacking } from "./local-driver.ts";
import type { VolumeHost } from "./volume-host.ts";
import { volumePaths } from "./volume-paths.ts";

export interface VolumeUsage {
  readonly name: string;
  /** On disk, hard links once; 0 for one that lies elsewhere on the host or in memory. */
  readonly sizeBytes: number;
  /** Containers that mount it, running or not. */
  readonly users: readonly ContainerId[];
}

/** Each volume's size and users, by name: what `system df` shows. */
export async function volumeUsage(host: VolumeHost): Promise<VolumeUsage[]> {
  const usage: VolumeUsage[] = [];
  for (const row of listVolumes(host.store)) {
    usage.push({ name: row.name, sizeBytes: await volumeBytes(host, row), users: listVolumeUsers(host.store, row.name) });
  }
  return usage;
}

/** What removing the volume would free. */
export async function volumeBytes(host: VolumeHost, row: Pick<VolumeRow, "name" | "options">): Promise<number> {
  if (parseBacking(row.name, row.options).kind !== "directory") return 0;
  const { data } = volumePaths(host.root, row.name);
  return (await diskUsage(host.launcher, [data])).get(data) ?? 0;
}
