import type { HostPath } from "../core/brands.ts";
import { diskUsage } from "../kernel/disk-usage.ts";
import { layerFiles } from "../layers/layer-files.ts";
import type { ImageHost } from "./image-host.ts";

/**
 * All layers and blobs, and what crashed processes have left of such, with the bytes that each takes on the disk; what is both counts as
 * layer.
 */
export function storedFiles(host: ImageHost): Promise<Map<HostPath, number>> {
  const layers = host.layers.list().map((diffId) => layerFiles(host.root, diffId));
  const blobs = host.content.list().map((digest) => host.content.path(digest));
  return diskUsage(host.launcher, [...layers, ...blobs, ...host.layers.abandoned(), ...host.content.abandoned()]);
}
