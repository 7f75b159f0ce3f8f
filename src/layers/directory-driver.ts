import type { DiffId, HostPath } from "../core/brands.ts";
import type { LayerDriver, LayerDriverChoice, LayerInfo } from "./layer-driver.ts";
import { StoredLayers } from "./stored-layers.ts";

/**
 * Stores layers as plain directories, `tree`, on any file system that has `trusted.*` xattrs and device nodes. A layer is unpacked in
 * `ingest/`, brought to disk and renamed.
 */
export class DirectoryLayerDriver extends StoredLayers implements LayerDriver {
  async choice(): Promise<LayerDriverChoice> {
    return { name: "directory", reason: "asked for" };
  }

  async add(diffId: DiffId, tarPath: HostPath, options: { readonly signal?: AbortSignal } = {}): Promise<LayerInfo> {
    return this.addOnce(diffId, async (request) => {
      // Starting a container unpacks nothing: it loads nothing of that.
      const { unpackToStore } = await import("./unpack-to-store.ts");
      return unpackToStore(this.site.launcher, { ...options, ...request, tarPath });
    });
  }
}
