import type { HostPath, ImageId } from "../core/brands.ts";
import { diskUsage } from "../kernel/disk-usage.ts";
import { layerFiles } from "../layers/layer-files.ts";
import { type ImageRow, listBlobs, listImages } from "../state/image-rows.ts";
import { listImageUsers } from "../state/image-users.ts";
import { listContainers } from "../state/container-table.ts";
import type { ImageHost } from "./image-host.ts";
import type { ImageSummary } from "./image-view.ts";
import { summarizeImage } from "./list-images.ts";

/** What an image takes on the disk: its layers as stored, and its blobs as received. */
export interface ImageUsage extends ImageSummary {
  readonly diskBytes: number;
  /** Of that, what other images have as well. */
  readonly sharedBytes: number;
}

export interface ImagesUsage {
  readonly images: readonly ImageUsage[];
  /** Images that containers have. */
  readonly active: number;
  /** Of all images together, each file once. */
  readonly diskBytes: number;
  /** Of images that no container has: what removing them would free. */
  readonly reclaimableBytes: number;
}

/** What is on the disk at this moment, measured, not what manifests say. */
export async function imagesUsage(host: ImageHost): Promise<ImagesUsage> {
  const { store } = host;
  const rows = listImages(store);
  const files = new Map(rows.map((row) => [row.id, imageFiles(host, row)]));
  const bytes = await diskUsage(host.launcher, [...new Set([...files.values()].flat())]);
  const sum = (paths: Iterable<HostPath>) => [...paths].reduce((total, path) => total + (bytes.get(path) ?? 0), 0);
  const owners = new Map<HostPath, number>();
  for (const path of [...files.values()].flat()) owners.set(path, (owners.get(path) ?? 0) + 1);
  const used = new Set<ImageId>(rows.filter(({ id }) => listImageUsers(store, id).length > 0).map(({ id }) => id));
  const kept = new Set(listContainers(store).flatMap(({ layers }) => layers.map((diffId) => layerFiles(host.root, diffId))));
  for (const id of used) for (const path of files.get(id) ?? []) kept.add(path);
  return {
    images: rows.map((row) => {
      const paths = files.get(row.id) ?? [];
      return {
        ...summarizeImage(store, row),
        diskBytes: sum(paths),
        sharedBytes: sum(paths.filter((path) => (owners.get(path) ?? 0) > 1)),
      };
    }),
    active: used.size,
    diskBytes: sum(bytes.keys()),
    reclaimableBytes: sum([...bytes.keys()].filter((path) => !kept.has(path))),
  };
}

/** Layers first: an archive that is layer and blob at once counts as layer. */
function imageFiles(host: ImageHost, row: ImageRow): HostPath[] {
  const layers = row.layers.map((diffId) => layerFiles(host.root, diffId));
  return [...new Set([...layers, ...listBlobs(host.store, row.id).map((digest) => host.content.path(digest))])];
}
