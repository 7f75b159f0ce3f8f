import { type VolumeRow } from "../state/volume-rows.ts";
import { volumePaths } from "./volume-paths.ts";

/** A volume as `volume ls` and `volume inspect` tell of it. */
export interface VolumeView {
  readonly name: string;
  readonly driver: string;
  readonly createdAt: Date;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly mountpoint: string;
  readonly anonymous: boolean;
}

/** How docker marks a volume that was made without a name. */
export const anonymousLabel = "com.docker.volume.anonymous";

export function viewVolume(root: string, row: VolumeRow): VolumeView {
  return {
    name: row.name,
    driver: row.driver,
    createdAt: new Date(row.createdAt),
    labels: row.anonymous ? { ...row.labels, [anonymousLabel]: "" } : row.labels,
    options: row.options,
    mountpoint: volumePaths(root, row.name).data,
    anonymous: row.anonymous,
  };
}
