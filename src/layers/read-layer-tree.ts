import { readTarFile } from "../archive/tar-file.ts";
import { LayerTree } from "./layer-tree.ts";

/** Entries between two looks at what else there is to do. */
const stride = 4096;

/**
 * Reads the headers of the uncompressed tar `tarFd`. About 200 bytes of memory an entry.
 * @throws {EngineError} TAR_INVALID; the signal's reason.
 */
export async function readLayerTree(tarFd: number, signal?: AbortSignal): Promise<LayerTree> {
  signal?.throwIfAborted();
  const tree = new LayerTree();
  let count = 0;
  for (const entry of readTarFile(tarFd)) {
    tree.add(entry);
    if (++count % stride !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
  tree.finish();
  return tree;
}
