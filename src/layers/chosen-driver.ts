import type { DiffId, HostPath } from "../core/brands.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { DirectoryLayerDriver } from "./directory-driver.ts";
import { ErofsLayerDriver } from "./erofs-driver.ts";
import type { AddLayerOptions, LayerDriver, LayerDriverChoice, LayerInfo } from "./layer-driver.ts";
import type { DriverProbe } from "./probe-driver.ts";
import { type LayerSite, StoredLayers } from "./stored-layers.ts";

/** Which driver stores new layers: `directory`, `erofs`, or the best that works (`auto`). */
export const driverVariable = "WHERRY_LAYER_DRIVER";

/**
 * Stores layers by EROFS where that has been seen to work on this host and data root, else as directories, or by what the environment says.
 * Nothing is tried before a layer is added: starting a container takes layers as they are.
 */
export class ChosenLayerDriver extends StoredLayers implements LayerDriver {
  readonly #site: LayerSite;
  #probe: Promise<DriverProbe> | undefined;

  constructor(site: LayerSite) {
    super(site);
    this.#site = site;
  }

  async choice(): Promise<LayerDriverChoice> {
    const { name, reason } = await this.#chosen();
    return { name, reason };
  }

  async add(diffId: DiffId, tarPath: HostPath, options: AddLayerOptions = {}): Promise<LayerInfo> {
    const { name, from } = await this.#chosen();
    const mounts = from === undefined ? {} : { from };
    const driver = name === "erofs" ? new ErofsLayerDriver(this.#site, mounts) : new DirectoryLayerDriver(this.#site);
    return driver.add(diffId, tarPath, options);
  }

  async #chosen(): Promise<DriverProbe> {
    const asked = process.env[driverVariable] ?? "";
    if (!["", "auto", "directory", "erofs"].includes(asked))
      throw invalidOption(`${driverVariable}: \`${asked}\` is none of auto, directory, erofs`);
    if (asked === "directory") return { name: "directory", reason: `${driverVariable} asks for it` };
    const { probeDriver, requireErofs } = await import("./probe-driver.ts");
    this.#probe ??= probeDriver(this.#site);
    const probe = await this.#probe;
    return asked === "erofs" ? requireErofs(probe) : probe;
  }
}
