import { closeSync, openSync } from "node:fs";
import { readTarFile } from "../../src/archive/tar-file.ts";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import type { LayerDriver, LayerDriverChoice, LayerInfo } from "../../src/layers/layer-driver.ts";

/** Layers that exist in memory alone, for tests of what is above them. */
export class FakeLayerDriver implements LayerDriver {
  readonly layers = new Map<DiffId, LayerInfo>();

  async choice(): Promise<LayerDriverChoice> {
    return { name: "directory", reason: "it is a fake" };
  }

  async add(diffId: DiffId, tarPath: HostPath): Promise<LayerInfo> {
    const known = this.layers.get(diffId);
    if (known !== undefined) return known;
    const fd = openSync(tarPath, "r");
    try {
      const info = { diffId, sizeBytes: [...readTarFile(fd)].reduce((sum, entry) => sum + entry.size, 0) };
      this.layers.set(diffId, info);
      return info;
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      throw new EngineError({ kind: "invalidArgument", code: "LAYER_INVALID_TAR", message: cause.message, cause });
    } finally {
      closeSync(fd);
    }
  }

  has(diffId: DiffId): boolean {
    return this.layers.has(diffId);
  }

  list(): readonly DiffId[] {
    return [...this.layers.keys()];
  }

  lowers(diffIds: readonly DiffId[]): readonly HostPath[] {
    return diffIds.map((diffId) => `/nowhere/${diffId}` as HostPath).reverse();
  }

  async remove(diffId: DiffId): Promise<void> {
    await this.detach(diffId)();
  }

  detach(diffId: DiffId): () => Promise<void> {
    this.layers.delete(diffId);
    return async () => {};
  }

  abandoned(): readonly HostPath[] {
    return [];
  }

  async collect(): Promise<void> {}
}
