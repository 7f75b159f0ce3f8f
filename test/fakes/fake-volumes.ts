import { EngineError } from "../../src/core/engine-error.ts";
import type { VolumeService, VolumeView } from "../../src/engine/engine.ts";

/** Volumes in memory: names, labels and options. */
export class FakeVolumes implements VolumeService {
  readonly #volumes = new Map<string, VolumeView>();

  async create({
    name = "",
    labels = {},
    driverOptions = {},
    driver = "local",
  }: Parameters<VolumeService["create"]>[0]): Promise<VolumeView> {
    const given = name === "" ? "f".repeat(64) : name;
    const volume = this.#volumes.get(given) ?? {
      name: given,
      driver,
      createdAt: new Date("2026-01-02T03:04:05.678Z"),
      labels,
      options: driverOptions,
      mountpoint: `/var/lib/wherry/volumes/${given}/_data`,
      anonymous: name === "",
    };
    this.#volumes.set(given, volume);
    return volume;
  }

  async list(): Promise<readonly VolumeView[]> {
    return [...this.#volumes.values()];
  }

  async inspect(name: string): Promise<VolumeView> {
    const found = this.#volumes.get(name);
    if (found === undefined) throw new EngineError({ kind: "notFound", code: "VOLUME_NOT_FOUND", message: `get ${name}: no such volume` });
    return found;
  }

  async remove(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    if (!force) await this.inspect(name);
    this.#volumes.delete(name);
  }

  async prune() {
    const deleted = [...this.#volumes.keys()];
    this.#volumes.clear();
    return { deleted, reclaimedBytes: deleted.length * 4096 };
  }

  async usage() {
    return [...this.#volumes.keys()].map((name) => ({ name, sizeBytes: 4096, users: [] }));
  }
}
