import { closeSync, constants, copyFileSync, fsyncSync, linkSync, openSync } from "node:fs";
import type { HostPath } from "../../core/brands.ts";
import type { AddLayerOptions, LayerInfo } from "../layer-driver.ts";
import type { LayerTree } from "../layer-tree.ts";
import { readLayerTree } from "../read-layer-tree.ts";
import { storeLayer, type StoreRequest } from "../store-layer.ts";
import { writeErofsIndex } from "./write-index.ts";

/**
 * Makes the directory of a layer with its `index` and `tar`, another name of the archive's file where the file system has such.
 * @throws {EngineError} as `storeLayer`
 */
export function indexToStore(launcher: string, request: StoreRequest): Promise<LayerInfo> {
  const { diffId, tarPath } = request;
  const uuid = Buffer.from(diffId.slice(7, 39), "hex");
  return storeLayer(launcher, request, (partial) => writeIndex(partial, tarPath, { ...request, uuid }));
}

/**
 * Writes `index` and `tar` of an archive into a directory, and both to the disk. Resolves with the bytes of file content.
 * @throws {EngineError} TAR_INVALID; the signal's reason.
 */
export async function writeIndex(
  directory: HostPath,
  tarPath: HostPath,
  options: AddLayerOptions & { readonly uuid: Uint8Array },
): Promise<number> {
  const tarFd = openSync(tarPath, "r");
  try {
    const { signal, uuid } = options;
    const sizeBytes =
      options.tree === undefined
        ? await readAndWrite(directory, { tarFd, uuid, ...(signal === undefined ? {} : { signal }) })
        : writeTree(options.tree, directory, { tarFd, uuid });
    keepArchive(tarPath, `${directory}/tar` as HostPath);
    return sizeBytes;
  } finally {
    closeSync(tarFd);
  }
}

interface IndexSource {
  readonly tarFd: number;
  readonly uuid: Uint8Array;
  readonly signal?: AbortSignal;
}

async function readAndWrite(directory: HostPath, from: IndexSource): Promise<number> {
  const { tarFd, signal } = from;
  using tree = await readLayerTree(tarFd, { scratch: `${directory}/spool` as HostPath, ...(signal === undefined ? {} : { signal }) });
  return writeTree(tree, directory, from);
}

function writeTree(tree: LayerTree, directory: HostPath, { tarFd, uuid }: IndexSource): number {
  const indexFd = openSync(`${directory}/index`, "wx", 0o600);
  try {
    writeErofsIndex(tree, { indexFd, tarFd, uuid });
    fsyncSync(indexFd);
  } finally {
    closeSync(indexFd);
  }
  return tree.sizeBytes;
}

function keepArchive(tarPath: HostPath, kept: HostPath): void {
  try {
    linkSync(tarPath, kept);
  } catch {
    // On another file system, or one that has no hard links.
    copyFileSync(tarPath, kept, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
  const fd = openSync(kept, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
