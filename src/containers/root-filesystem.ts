import { chownSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { RootFilesystem } from "../plan/plan-input.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { type ContainerPaths, containerPaths, mountPointsPath } from "./container-paths.ts";

/** A container's layers, topmost first: its own, and beneath it its image's or what stands for them. */
export interface ContainerLayers {
  readonly upper: HostPath;
  readonly lowers: readonly HostPath[];
}

/** What the container is of, as images go. With `idBase` on a host without id-mapped mounts, copies of the image's layers. */
export function containerLayers(host: ContainerHost, row: ContainerRow, idBase: number | null): ContainerLayers {
  const { upper, lowers } = rootFilesystem(host, row, idBase);
  return { upper, lowers: lowers.slice(0, -1) };
}

/** What is mounted: the same, and at the bottom the places to mount on. */
export function rootFilesystem(
  host: ContainerHost,
  row: ContainerRow,
  idBase: number | null,
): Extract<RootFilesystem, { kind: "overlay" }> {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  const layers = sharedLayers(host, row);
  const lowers = needsCopies(host, idBase) ? layers.map((_, index) => shiftedLayer(paths, index)) : layers;
  return { kind: "overlay", lowers, upper: paths.upper, work: paths.work, links: paths.links, volatile: row.autoRemove };
}

/** What it has in common with other containers, topmost first. */
function sharedLayers(host: ContainerHost, row: ContainerRow): readonly HostPath[] {
  return [...host.layers.lowers(row.layers), mountPointsPath(host.root)];
}

/**
 * Makes what the stack needs besides the directories that `create` made: short names for an overlayfs without `lowerdir+`; for a user
 * namespace the upper's owner and, where the kernel can't map ids, the layers' copies with shifted owners. Once a container, idempotent.
 */
export async function prepareRootFilesystem(host: ContainerHost, row: ContainerRow, idBase: number | null): Promise<void> {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  if (idBase !== null && row.starts === 0) chownSync(paths.upper, idBase, idBase);
  if (!existsSync(mountPointsPath(host.root))) {
    const { makeMountPointsLayer } = await import("../layers/mount-points-layer.ts");
    makeMountPointsLayer(mountPointsPath(host.root));
  }
  if (needsCopies(host, idBase)) await copyLayers(host, row, paths, idBase ?? 0);
  // Left by a start that failed; nothing has been written since, and a volatile overlay refuses to be mounted again.
  rmSync(`${paths.work}/work/incompat`, { recursive: true, force: true });
  if (!host.features.overlayLowerdirPlus) linkLowers(paths, rootFilesystem(host, row, idBase).lowers);
}

function needsCopies(host: ContainerHost, idBase: number | null): boolean {
  return idBase !== null && !host.features.idmappedMounts;
}

function shiftedLayer(paths: ContainerPaths, index: number): HostPath {
  return `${paths.directory}/shifted/${index}` as HostPath;
}

/** Each under its final name only when it is whole. */
async function copyLayers(host: ContainerHost, row: ContainerRow, paths: ContainerPaths, idBase: number): Promise<void> {
  const { chownTree } = await import("../kernel/chown-tree.ts");
  const { removeTree } = await import("../kernel/remove-tree.ts");
  const { copyLayer } = await import("../layers/copy-layer.ts");
  mkdirSync(`${paths.directory}/shifted`, { recursive: true, mode: 0o711 });
  for (const [index, layer] of sharedLayers(host, row).entries()) {
    const target = shiftedLayer(paths, index);
    const partial = `${target}.partial` as HostPath;
    if (exists(target)) continue;
    removeTree(host.launcher, partial);
    copyLayer(layer, partial);
    chownTree(host.launcher, partial, { from: 0, to: idBase, count: idRangeSize });
    renameSync(partial, target);
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function linkLowers(paths: ContainerPaths, lowers: readonly HostPath[]): void {
  mkdirSync(paths.links, { recursive: true, mode: 0o711 });
  for (const [index, lower] of lowers.entries()) {
    if (!exists(`${paths.links}/${index}`)) symlinkSync(lower, `${paths.links}/${index}`);
  }
}
