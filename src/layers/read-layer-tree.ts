import { readTarFile } from "../archive/tar-file.ts";
import type { HostPath } from "../core/brands.ts";
import { collectInRound } from "../core/garbage.ts";
import { LayerTree } from "./layer-tree.ts";
import { LayerTreeBuilder } from "./layer-tree-builder.ts";

/** Entries between two looks at what else there is to do. */
const stride = 4096;

export interface ReadOptions {
  /** As the constructor of `LayerTree` takes it. */
  readonly scratch: HostPath;
  readonly signal?: AbortSignal;
}

/**
 * Reads the headers of the uncompressed tar `tarFd`. The tree is the caller's to dispose of.
 * @throws {EngineError} TAR_INVALID; the signal's reason.
 */
export async function readLayerTree(tarFd: number, { scratch, signal }: ReadOptions): Promise<LayerTree> {
  signal?.throwIfAborted();
  const tree = new LayerTree(scratch);
  try {
    const builder = new LayerTreeBuilder(tree);
    let count = 0;
    for (const entry of readTarFile(tarFd)) {
      builder.add(entry);
      count++;
      if (tree.isLarge) collectInRound(count);
      if (count % stride !== 0) continue;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
    tree.finish();
    return tree;
  } catch (error) {
    tree[Symbol.dispose]();
    throw error;
  }
}
