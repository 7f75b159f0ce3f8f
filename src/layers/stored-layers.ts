import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { IngestDirectory } from "../content/ingest-directory.ts";
import type { DiffId, HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { instanceName } from "../core/ids.ts";
import type { LayerInfo } from "./layer-driver.ts";
import type { MountContext } from "./layer-mounts.ts";
import type { StoreRequest } from "./store-layer.ts";

export interface LayerSite extends MountContext {
  /** Mounts the layers with these diff ids' digits, synchronously, in any process. Unused where it is known that there are none to be mounted. */
  readonly mountMissing: (names: readonly string[]) => void;
}

/**
 * The layers of a data root, `layers/sha256/HEX`, whichever driver stored them: `tree`, an unpacked directory; or `index` and `tar`, an EROFS
 * file system that is mounted at `RUNROOT/layers/INSTANCE/HEX`. A root may hold both, from before an upgrade or another kernel.
 */
export class StoredLayers {
  protected readonly site: LayerSite;
  readonly #directory: string;
  readonly #ingest: IngestDirectory;

  constructor(site: LayerSite) {
    this.site = site;
    this.#directory = `${site.root}/layers`;
    this.#ingest = new IngestDirectory(`${this.#directory}/ingest` as HostPath);
  }

  has(diffId: DiffId): boolean {
    return statSync(this.path(diffId), { throwIfNoEntry: false }) !== undefined;
  }

  list(): readonly DiffId[] {
    return listNames(`${this.#directory}/sha256`).map((name) => `sha256:${name}` as DiffId);
  }

  lowers(diffIds: readonly DiffId[]): readonly HostPath[] {
    const names = [...new Set(diffIds.map(hexOf).reverse())];
    const mounted = mountedLayers(this.site, names);
    const unmounted = names.filter((hex) => !mounted.has(hex) && existsSync(`${this.#directory}/sha256/${hex}/index`));
    if (unmounted.length > 0) this.#mount(unmounted);
    const mountable = new Set([...mounted, ...unmounted]);
    return names.map((hex) =>
      mountable.has(hex) ? layerMountPath(this.site, hex) : (`${this.#directory}/sha256/${hex}/tree` as HostPath),
    );
  }

  async remove(diffId: DiffId): Promise<void> {
    await this.detach(diffId)();
  }

  detach(diffId: DiffId): () => Promise<void> {
    const doomed = this.#ingest.newPath();
    try {
      renameSync(this.path(diffId), doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return async () => {};
    }
    return async () => {
      await this.#unmountGone([diffId]);
      (await import("../kernel/remove-tree.ts")).removeTree(this.site.launcher, doomed);
    };
  }

  abandoned(): readonly HostPath[] {
    return this.#ingest.abandoned();
  }

  /** Removes what crashed processes have left. */
  async collect(): Promise<void> {
    await this.#unmountGone();
    const abandoned = this.abandoned();
    if (abandoned.length === 0) return;
    try {
      const { removeTrees } = await import("../kernel/remove-tree.ts");
      removeTrees(this.site.launcher, abandoned);
    } catch {
      // Another process collects too, or the dead one's launcher is just ending; the next call finds what is left.
    }
  }

  /** Stores what `store` makes of it, unless it is there already. */
  protected async addOnce(
    diffId: DiffId,
    store: (request: Pick<StoreRequest, "diffId" | "partial" | "layer">) => Promise<LayerInfo>,
  ): Promise<LayerInfo> {
    if (this.has(diffId)) return this.#info(diffId);
    await this.#unmountGone([diffId]);
    const layer = this.path(diffId);
    try {
      return await store({ diffId, partial: this.#ingest.newPath(), layer });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another process was faster; the layer is the same.
      if ((code === "ENOTEMPTY" || code === "EEXIST") && this.has(diffId)) return this.#info(diffId);
      throw error;
    }
  }

  protected path(diffId: DiffId): HostPath {
    return `${this.#directory}/sha256/${hexOf(diffId)}` as HostPath;
  }

  #mount(names: readonly string[]): void {
    this.site.mountMissing(names);
    const mounted = mountedLayers(this.site, names);
    // An empty directory would pass for an empty layer.
    for (const hex of names) {
      if (mounted.has(hex)) continue;
      throw new EngineError({ kind: "internal", code: "LAYER_MOUNT_FAILED", message: `mount layer \`sha256:${hex}\`: it is not mounted` });
    }
  }

  async #unmountGone(diffIds?: readonly DiffId[]): Promise<void> {
    // Nothing is mounted, and nothing need be loaded to find that out.
    if (listNames(layerMountsBase(this.site.runRoot)).length === 0) return;
    const { unmountLayers, unmountOrphans } = await import("./layer-mounts.ts");
    // What a process is just trying out is mounted under the name that it has in `ingest`.
    const isKept = (name: string): boolean => this.has(`sha256:${name}` as DiffId) || this.#ingest.isUnderWay(name);
    unmountLayers(this.site, isKept, diffIds?.map(hexOf));
    if (diffIds === undefined) unmountOrphans(this.site);
  }

  #info(diffId: DiffId): LayerInfo {
    return { diffId, sizeBytes: Number(readFileSync(`${this.path(diffId)}/size`, "utf8")) };
  }
}

export interface Roots {
  /** The data root. */
  readonly root: string;
  readonly runRoot: string;
}

/** The directory of all layers' mounts: a file system of its own. */
export function layerMountsBase(runRoot: string): HostPath {
  return `${runRoot}/layers` as HostPath;
}

/** In it, the directory of one data root's; several may share a run root. */
export function layerMountsOf({ root, runRoot }: Roots): HostPath {
  return `${layerMountsBase(runRoot)}/${instanceName(root)}` as HostPath;
}

export function layerMountPath(roots: Roots, hex: string): HostPath {
  return `${layerMountsOf(roots)}/${hex}` as HostPath;
}

/** Which of these layers (hex digits of diff ids) are mounted in this mount namespace. A system call for each: it is on the run path. */
export function mountedLayers(roots: Roots, names: readonly string[]): ReadonlySet<string> {
  const mounted = new Set<string>();
  const directory = layerMountsOf(roots);
  const own = statSync(directory, { throwIfNoEntry: false });
  if (own === undefined) return mounted;
  for (const hex of names) {
    const stat = statSync(`${directory}/${hex}`, { throwIfNoEntry: false });
    if (stat !== undefined && stat.dev !== own.dev) mounted.add(hex);
  }
  return mounted;
}

export function isLayerMounted(roots: Roots, hex: string): boolean {
  return mountedLayers(roots, [hex]).has(hex);
}

export function hexOf(diffId: DiffId): string {
  return diffId.slice(7);
}

function listNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
