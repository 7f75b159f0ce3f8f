import type { DiffId, HostPath } from "../core/brands.ts";

/** Where all that is stored of a layer lies, whichever driver stored it. */
export function layerFiles(root: string, diffId: DiffId): HostPath {
  return `${root}/layers/sha256/${diffId.slice(7)}` as HostPath;
}
