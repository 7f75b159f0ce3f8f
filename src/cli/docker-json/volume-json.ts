import type { VolumeView } from "../../engine/engine.ts";
import { asMap } from "../template/value.ts";
import { dockerSeconds } from "./docker-time.ts";

/** A volume as Docker's API describes it. @see Volume in Docker Engine API 1.50 */
export function volumeJson(volume: VolumeView) {
  const { labels, options } = volume;
  return {
    CreatedAt: dockerSeconds(volume.createdAt),
    Driver: volume.driver,
    Labels: Object.keys(labels).length === 0 ? null : asMap(labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: Object.keys(options).length === 0 ? null : asMap(options),
    Scope: "local",
  };
}
