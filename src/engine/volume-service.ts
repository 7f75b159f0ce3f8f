import { createVolume } from "../volumes/create-volume.ts";
import { findVolumes } from "../volumes/list-volumes.ts";
import { pruneVolumes } from "../volumes/prune-volumes.ts";
import { removeVolume } from "../volumes/remove-volume.ts";
import { settleVolume } from "../volumes/settle-volume.ts";
import { ensureVolumeDirectory } from "../volumes/create-volume.ts";
import type { VolumeHost } from "../volumes/volume-host.ts";
import { volumeNotFound } from "../volumes/volume-not-found.ts";
import { volumeUsage } from "../volumes/volume-usage.ts";
import { viewVolume } from "../volumes/volume-view.ts";
import { EngineError } from "../core/engine-error.ts";
import type { VolumeService } from "./engine.ts";

/** The volumes of one data root. */
export class LocalVolumeService implements VolumeService {
  readonly #host: VolumeHost;

  constructor(host: VolumeHost) {
    this.#host = host;
  }

  async create(options: Parameters<VolumeService["create"]>[0]): ReturnType<VolumeService["create"]> {
    return viewVolume(this.#host.root, await createVolume(this.#host, options));
  }

  async list(options: Parameters<VolumeService["list"]>[0] = {}): ReturnType<VolumeService["list"]> {
    return (await findVolumes(this.#host, options.filters ?? {})).map((row) => viewVolume(this.#host.root, row));
  }

  async inspect(name: string): ReturnType<VolumeService["inspect"]> {
    const row = await settleVolume(this.#host, name);
    if (row === undefined) throw volumeNotFound(name);
    ensureVolumeDirectory(this.#host.root, name);
    return viewVolume(this.#host.root, row);
  }

  async remove(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    try {
      await removeVolume(this.#host, name);
    } catch (error) {
      if (options.force === true && error instanceof EngineError && error.code === "VOLUME_NOT_FOUND") return;
      throw error;
    }
  }

  prune(options: Parameters<VolumeService["prune"]>[0] = {}): ReturnType<VolumeService["prune"]> {
    return pruneVolumes(this.#host, options.filters ?? {});
  }

  usage(): ReturnType<VolumeService["usage"]> {
    return volumeUsage(this.#host);
  }
}
