import type { DiffId, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { ChosenLayerDriver } from "./chosen-driver.ts";
import type { AddLayerOptions, LayerDriver, LayerDriverChoice, LayerInfo } from "./layer-driver.ts";
import type { MountContext } from "./layer-mounts.ts";
import { StoredLayers } from "./stored-layers.ts";

export interface LocalLayersOptions extends MountContext {
  /** argv with which this engine starts itself. */
  readonly self: readonly string[];
}

/** The layers of a data root on this host. Starting a container takes them as they are; how new ones are stored is chosen when there are such. */
export class LocalLayers extends StoredLayers implements LayerDriver {
  #chosen: Promise<ChosenLayerDriver> | undefined;

  constructor(options: LocalLayersOptions) {
    super({ ...options, mountMissing: (names) => mountByItself(options, names) });
  }

  async choice(): Promise<LayerDriverChoice> {
    return (await this.#driver()).choice();
  }

  async add(diffId: DiffId, tarPath: HostPath, options: AddLayerOptions = {}): Promise<LayerInfo> {
    return (await this.#driver()).add(diffId, tarPath, options);
  }

  #driver(): Promise<ChosenLayerDriver> {
    this.#chosen ??= import("./chosen-driver.ts").then(({ ChosenLayerDriver: Driver }) => new Driver(this.site));
    return this.#chosen;
  }
}

/**
 * In a process of our own (`wherry internal mount-layers`): whoever asks for layers can't wait for a promise, and what mounting takes must not be
 * loaded by every start. It happens once a boot for a layer.
 */
function mountByItself({ root, runRoot, self }: LocalLayersOptions, names: readonly string[]): void {
  const [program = "", ...args] = self;
  const done = process
    .getBuiltinModule("node:child_process")
    .spawnSync(program, [...args, "internal", "mount-layers", root, runRoot, ...names], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  if (done.status === 0) return;
  const message = done.error?.message ?? done.stderr.trim();
  throw new EngineError({ kind: "failedPrecondition", code: "LAYER_MOUNT_FAILED", message: message === "" ? "mount layers" : message });
}
