import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { IngestDirectory } from "../content/ingest-directory.ts";
import { syncDirectory } from "../content/sync-directory.ts";
import type { DiffId, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { removeTree, removeTrees } from "../kernel/remove-tree.ts";
import type { LayerDriver, LayerInfo } from "./layer-driver.ts";

/**
 * Layers as plain directories, `root/layers/sha256/HEX/tree`, on any file system that has `trusted.*` xattrs and device nodes.
 * A layer is unpacked in `ingest/`, brought to disk and renamed.
 */
export class DirectoryLayerDriver implements LayerDriver {
  readonly name = "directory";
  readonly #launcher: string;
  readonly #directory: string;
  readonly #ingest: IngestDirectory;

  constructor(root: string, launcher: string) {
    this.#launcher = launcher;
    this.#directory = `${root}/layers`;
    this.#ingest = new IngestDirectory(`${this.#directory}/ingest` as HostPath);
  }

  async add(diffId: DiffId, tarPath: HostPath, options: { readonly signal?: AbortSignal } = {}): Promise<LayerInfo> {
    const layer = this.#path(diffId);
    if (this.has(diffId)) return this.#info(diffId);
    const ingest = this.#ingest.newPath();
    mkdirSync(`${ingest}/tree`, { recursive: true, mode: 0o755 });
    try {
      const sizeBytes = await this.#unpack(diffId, tarPath, { ...options, ingest });
      writeFileSync(`${ingest}/size`, String(sizeBytes), { flush: true });
      syncDirectory(ingest);
      faultPoint("layer-unpacked");
      mkdirSync(`${this.#directory}/sha256`, { recursive: true, mode: 0o700 });
      renameSync(ingest, layer);
      syncDirectory(`${this.#directory}/sha256`);
      return { diffId, sizeBytes };
    } catch (error) {
      removeTree(this.#launcher, ingest);
      const { code } = error as NodeJS.ErrnoException;
      // Another process was faster; the layer is the same.
      if ((code === "ENOTEMPTY" || code === "EEXIST") && this.has(diffId)) return this.#info(diffId);
      throw error;
    }
  }

  has(diffId: DiffId): boolean {
    return statSync(this.#path(diffId), { throwIfNoEntry: false }) !== undefined;
  }

  list(): readonly DiffId[] {
    return listNames(`${this.#directory}/sha256`).map((name) => `sha256:${name}` as DiffId);
  }

  lowers(diffIds: readonly DiffId[]): readonly HostPath[] {
    return diffIds.map((diffId) => `${this.#path(diffId)}/tree` as HostPath).reverse();
  }

  async remove(diffId: DiffId): Promise<void> {
    this.detach(diffId)();
  }

  detach(diffId: DiffId): () => void {
    const doomed = this.#ingest.newPath();
    try {
      renameSync(this.#path(diffId), doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return () => {};
    }
    return () => removeTree(this.#launcher, doomed);
  }

  /** Removes what crashed processes have left. */
  collect(): void {
    const abandoned = this.#ingest.abandoned();
    if (abandoned.length === 0) return;
    try {
      removeTrees(this.#launcher, abandoned);
    } catch {
      // Another process collects too, or the dead one's launcher is just ending; the next call finds what is left.
    }
  }

  async #unpack(diffId: DiffId, tarPath: HostPath, options: { readonly signal?: AbortSignal; readonly ingest: string }): Promise<number> {
    const tarFd = openSync(tarPath, "r");
    try {
      const rootFd = openSync(`${options.ingest}/tree`, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        const { unpackLayer } = await import("./unpack-layer.ts"); // starting a container unpacks nothing: it loads no tar reader
        return await unpackLayer(this.#launcher, { tarFd, rootFd, ...(options.signal === undefined ? {} : { signal: options.signal }) });
      } finally {
        closeSync(rootFd);
      }
    } catch (error) {
      throw layerError(diffId, error);
    } finally {
      closeSync(tarFd);
    }
  }

  #info(diffId: DiffId): LayerInfo {
    return { diffId, sizeBytes: Number(readFileSync(`${this.#path(diffId)}/size`, "utf8")) };
  }

  #path(diffId: DiffId): HostPath {
    return `${this.#directory}/sha256/${diffId.slice(7)}` as HostPath;
  }
}

function listNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** In the words of LayerDriver's contract. */
function layerError(diffId: DiffId, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { errno } = error.details;
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new EngineError({
      kind: "resourceExhausted",
      code: "LAYER_NO_SPACE",
      message: `unpack layer \`${diffId}\`: ${error.message}; free some and try again`,
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
    message: `unpack layer \`${diffId}\`: ${error.message}`,
    details: error.details,
    cause: error,
  });
}
