import { existsSync, lstatSync, opendirSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { faultPoint } from "../core/fault-point.ts";
import { copyMetadata } from "../kernel/copy-metadata.ts";
import { removeTree } from "../kernel/remove-tree.ts";
import { moveVolume, type VolumeRow } from "../state/volume-rows.ts";
import { ensureVolumeDirectory } from "./create-volume.ts";
import type { VolumeHost } from "./volume-host.ts";
import { volumePaths } from "./volume-paths.ts";

/**
 * Fills an empty volume by `copy`, which makes the tree at the path it is given and returns false when there is nothing to copy. The tree
 * becomes the volume's content only when it is whole, entry by entry: the volume's directory itself stays, since containers may have it
 * mounted. A crash before leaves nothing of it, a crash in between is made good by whoever looks at the volume next.
 * False when the volume was not ready or not empty: then nothing was done.
 */
export async function fillVolume(host: VolumeHost, row: VolumeRow, copy: (target: HostPath) => Promise<boolean>): Promise<boolean> {
  const paths = volumePaths(host.root, row.name);
  ensureVolumeDirectory(host.root, row.name);
  if (!isEmptyDirectory(paths.data)) return false;
  const { status, owner } = row;
  const claim = { status: "filling", owner: host.owner } as const;
  if (status !== "ready" || !moveVolume(host.store, row.name, { from: { status, owner }, to: claim })) return false;
  try {
    faultPoint("volume-fill-claimed");
    if (existsSync(paths.partial)) removeTree(host.launcher, paths.partial);
    if (await copy(paths.partial)) {
      faultPoint("volume-content-copied");
      renameSync(paths.partial, paths.filling);
      faultPoint("volume-content-whole");
    }
  } finally {
    resumeFilling(host, row.name);
  }
  return true;
}

/** For the row's owner: what is whole goes in, what is not goes away; the volume is ready then. */
export function resumeFilling(host: VolumeHost, name: string): void {
  const paths = volumePaths(host.root, name);
  if (existsSync(paths.partial)) removeTree(host.launcher, paths.partial);
  if (existsSync(paths.filling)) {
    const takeMetadata = copyMetadata(host.launcher, paths.directory, { from: "_filling", to: "_data" });
    for (const entry of readdirSync(paths.filling, { encoding: "buffer" })) {
      const at = (directory: string) => Buffer.concat([Buffer.from(`${directory}/`), entry]);
      // Made by a container meanwhile: the volume's users come first.
      if (lstatSync(at(paths.data), { throwIfNoEntry: false }) === undefined) renameSync(at(paths.filling), at(paths.data));
    }
    faultPoint("volume-content-moved");
    takeMetadata();
    if (isEmptyDirectory(paths.filling)) rmdirSync(paths.filling);
    else removeTree(host.launcher, paths.filling);
  }
  moveVolume(host.store, name, { from: { status: "filling", owner: host.owner }, to: { status: "ready", owner: null } });
  host.bell.ring();
}

/** One look: a volume may hold millions. */
export function isEmptyDirectory(path: string): boolean {
  const directory = opendirSync(path, { bufferSize: 1 });
  try {
    return directory.readSync() === null;
  } finally {
    directory.closeSync();
  }
}
