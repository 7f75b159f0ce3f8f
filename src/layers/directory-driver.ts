import { readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { IngestDirectory } from "../content/ingest-directory.ts";
import type { DiffId, HostPath } from "../core/brands.ts";
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
    // Starting a container unpacks nothing: it loads nothing of that.
    const { unpackToStore } = await import("./unpack-to-store.ts");
    const partial = this.#ingest.newPath();
    try {
      return await unpackToStore(this.#launcher, { ...options, diffId, tarPath, partial, layer });
    } catch (error) {
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
    await this.detach(diffId)();
  }

  detach(diffId: DiffId): () => Promise<void> {
    const doomed = this.#ingest.newPath();
    try {
      renameSync(this.#path(diffId), doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return async () => {};
    }
    return async () => (await import("../kernel/remove-tree.ts")).removeTree(this.#launcher, doomed);
  }

  /** Removes what crashed processes have left. */
  async collect(): Promise<void> {
    const abandoned = this.#ingest.abandoned();
    if (abandoned.length === 0) return;
    try {
      const { removeTrees } = await import("../kernel/remove-tree.ts");
      removeTrees(this.#launcher, abandoned);
    } catch {
      // Another process collects too, or the dead one's launcher is just ending; the next call finds what is left.
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
