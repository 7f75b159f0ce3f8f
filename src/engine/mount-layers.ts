import { findInstallation } from "../core/installation.ts";
import { mountStoredLayers } from "../layers/mount-stored-layers.ts";

/**
 * Mounts layers of a data root, by the hexadecimal digits of their diff ids.
 * @throws {EngineError} LAYER_MOUNT_FAILED, INSTALLATION_INCOMPLETE
 */
export async function mountLayers(options: {
  readonly root: string;
  readonly runRoot: string;
  readonly names: readonly string[];
}): Promise<void> {
  await mountStoredLayers({ ...options, ...findInstallation() }, options.names);
}
