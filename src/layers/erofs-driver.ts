import { existsSync } from "node:fs";
import type { DiffId, HostPath } from "../core/brands.ts";
import type { MountSource } from "../plan/erofs-mounts.ts";
import type { AddLayerOptions, LayerDriver, LayerDriverChoice, LayerInfo } from "./layer-driver.ts";
import { hexOf, type LayerSite, StoredLayers } from "./stored-layers.ts";

/**
 * Stores layers as they come, not unpacked: the archive and, beside it, an EROFS index that points into it, mounted together. For kernels that
 * mount EROFS from plain files (Linux 6.12), or with blocks of 512 bytes from two loop devices.
 */
export class ErofsLayerDriver extends StoredLayers implements LayerDriver {
  readonly #options: { readonly from?: MountSource };

  /** @param options `from` absent: the first that the kernel takes. */
  constructor(site: LayerSite, options: { readonly from?: MountSource } = {}) {
    super(site);
    this.#options = options;
  }

  async choice(): Promise<LayerDriverChoice> {
    return { name: "erofs", reason: "asked for" };
  }

  async add(diffId: DiffId, tarPath: HostPath, options: AddLayerOptions = {}): Promise<LayerInfo> {
    const info = await this.addOnce(diffId, async (request) => {
      const { indexToStore } = await import("./erofs/index-to-store.ts");
      return indexToStore(this.site.launcher, { ...options, ...request, tarPath });
    });
    // It may have been stored as a directory before.
    if (existsSync(`${this.path(diffId)}/index`)) {
      const { mountLayers } = await import("./layer-mounts.ts");
      mountLayers(this.site, [{ hex: hexOf(diffId), files: this.path(diffId) }], this.#options);
    }
    return info;
  }
}
