import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../content/sync-directory.ts";
import type { DiffId, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { noSpaceError } from "../core/no-space.ts";
import { removeTree } from "../kernel/remove-tree.ts";
import type { LayerInfo } from "./layer-driver.ts";
import type { LayerTree } from "./layer-tree.ts";

export interface StoreRequest {
  readonly diffId: DiffId;
  readonly tarPath: HostPath;
  /** Where it is made: nothing is there, its directory is. */
  readonly partial: HostPath;
  /** What it is called when it is whole and on disk. */
  readonly layer: HostPath;
  readonly signal?: AbortSignal;
  readonly tree?: LayerTree;
}

/**
 * Makes the directory of a layer: what `fill` puts into `partial` and brings to the disk, and in bytes, as `fill` returns them, `size`. On failure
 * nothing is left.
 * @throws {EngineError} what `LayerDriver.add` throws; ENOTEMPTY or EEXIST of node:fs when `layer` is there already.
 */
export async function storeLayer(
  launcher: string,
  request: StoreRequest,
  fill: (partial: HostPath) => Promise<number>,
): Promise<LayerInfo> {
  const { diffId, partial, layer } = request;
  mkdirSync(partial, { mode: 0o700 });
  try {
    const sizeBytes = await fill(partial);
    writeFileSync(`${partial}/size`, String(sizeBytes), { flush: true });
    syncDirectory(partial);
    faultPoint("layer-unpacked");
    mkdirSync(dirname(layer), { recursive: true, mode: 0o700 });
    renameSync(partial, layer);
    syncDirectory(dirname(layer));
    faultPoint("layer-stored");
    return { diffId, sizeBytes };
  } catch (error) {
    removeTree(launcher, partial);
    throw layerError(diffId, error);
  }
}

/** In the words of LayerDriver's contract. */
function layerError(diffId: DiffId, error: unknown): unknown {
  if (!(error instanceof EngineError)) {
    const full = noSpaceError(error);
    return full === undefined
      ? error
      : new EngineError({ kind: full.kind, code: "LAYER_NO_SPACE", message: `store layer \`${diffId}\`: ${full.message}`, cause: error });
  }
  const { errno } = error.details;
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new EngineError({
      kind: "resourceExhausted",
      code: "LAYER_NO_SPACE",
      message: `store layer \`${diffId}\`: ${error.message}; free some and try again`,
      details: error.details,
      cause: error,
    });
  }
  // What the archive itself asks for in vain: names that are too long, or lead through a symlink or a file.
  const fault =
    errno === "ELOOP" ||
    errno === "ENAMETOOLONG" ||
    errno === "ENOTDIR" ||
    errno === "EINVAL" ||
    errno === "EFBIG" ||
    errno === "E2BIG" ||
    errno === "ENODATA";
  if (error.code !== "TAR_INVALID" && !(error.code === "TREE_FAILED" && fault)) return error;
  return new EngineError({
    kind: "invalidArgument",
    code: "LAYER_INVALID_TAR",
    message: `store layer \`${diffId}\`: ${error.message}`,
    details: error.details,
    cause: error,
  });
}
