import type { HostPath } from "../core/brands.ts";
import { mountLayers } from "./layer-mounts.ts";
import type { LocalLayersOptions } from "./local-layers.ts";
import { probeDriver } from "./probe-driver.ts";

/**
 * Mounts what is not mounted of these layers, by the hexadecimal digits of their diff ids.
 * @throws {EngineError} LAYER_MOUNT_FAILED
 */
export async function mountStoredLayers(options: LocalLayersOptions, names: readonly string[]): Promise<void> {
  const { from } = await probeDriver({ ...options, mountMissing: () => {} });
  const layers = names.map((hex) => ({ hex, files: `${options.root}/layers/sha256/${hex}` as HostPath }));
  mountLayers(options, layers, from === undefined ? {} : { from });
}
