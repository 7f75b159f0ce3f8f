import { chownSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { chownTree } from "../kernel/chown-tree.ts";
import { removeTree } from "../kernel/remove-tree.ts";
import { copyLayer } from "../layers/copy-layer.ts";
import type { RootFilesystem } from "../plan/plan-input.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { type ContainerPaths, containerPaths } from "./container-paths.ts";

/** The stack of a container: its image's layers beneath its own. With `idBase` on a host without id-mapped mounts, copies of the layers. */
export function rootFilesystem(
  host: ContainerHost,
  row: ContainerRow,
  idBase: number | null,
): Extract<RootFilesystem, { kind: "overlay" }> {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  const layers = host.layers.lowers(row.layers);
  const lowers = needsCopies(host, idBase) ? layers.map((_, index) => shiftedLayer(paths, index)) : layers;
  return { kind: "overlay", lowers, upper: paths.upper, work: paths.work, links: paths.links, volatile: row.autoRemove };
}

/**
 * Makes what the stack needs besides the directories that `create` made: short names for an overlayfs without `lowerdir+`; for a user
 * namespace the upper's owner and, where the kernel can't map ids, the layers' copies with shifted owners. Once a container, idempotent.
 */
export function prepareRootFilesystem(host: ContainerHost, row: ContainerRow, idBase: number | null): void {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  if (idBase !== null && row.starts === 0) chownSync(paths.upper, idBase, idBase);
  if (needsCopies(host, idBase)) copyLayers(host, row, paths, idBase ?? 0);
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
function copyLayers(host: ContainerHost, row: ContainerRow, paths: ContainerPaths, idBase: number): void {
  mkdirSync(`${paths.directory}/shifted`, { recursive: true, mode: 0o711 });
  for (const [index, layer] of host.layers.lowers(row.layers).entries()) {
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
