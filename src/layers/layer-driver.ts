import type { DiffId, HostPath } from "../core/brands.ts";
import type { LayerTree } from "./layer-tree.ts";

/**
 * Vocabulary. A *layer* is one image layer's tree, read-only once committed, named by its diff id. A *lower* is what a driver
 * hands to overlayfs for it. A container's *read-write layer* (upper, work) is not the driver's: it belongs to the container.
 */
export interface LayerInfo {
  readonly diffId: DiffId;
  /** Bytes of file content as listed in the tar. */
  readonly sizeBytes: number;
}

export interface AddLayerOptions {
  readonly signal?: AbortSignal;
  /** Finished. */
  readonly tree?: LayerTree;
}

/** In which form layers are stored that are added now. */
export interface LayerDriverChoice {
  readonly name: "directory" | "erofs";
  /** In words, for `wherry info` and `wherry doctor`. */
  readonly reason: string;
}

/**
 * Stores image layers so that overlayfs can stack them. Every implementation passes `test/contracts/layer-driver.ts`.
 *
 * Layers are shared by all images and containers of a data root, and by several processes: `add` is idempotent and safe to race;
 * a crash leaves either the whole layer or only something that `collect` removes.
 */
export interface LayerDriver {
  /** @throws {EngineError} LAYER_DRIVER_UNAVAILABLE */
  choice(): Promise<LayerDriverChoice>;

  /**
   * Adds the layer in the uncompressed tar `tarPath`, whose SHA-256 the caller has verified to be `diffId`.
   * `tree` is what the archive describes, for a caller who has read it already: taken instead of reading it again.
   * OCI whiteouts (`.wh.NAME`, `.wh..wh..opq`) become overlayfs's. Resolves once the layer is durable, whoever stored it.
   * @throws {EngineError} LAYER_INVALID_TAR with the entry's name, LAYER_NO_SPACE; nothing is left behind.
   */
  add(diffId: DiffId, tarPath: HostPath, options?: AddLayerOptions): Promise<LayerInfo>;

  has(diffId: DiffId): boolean;

  /** All that are stored. */
  list(): readonly DiffId[];

  /**
   * The lowers for a stack of layers given bottom first (as in an image's `rootfs.diff_ids`), returned top first (as overlayfs wants).
   * A layer that is there several times is in it once, where it is topmost: overlayfs refuses to stack one twice (ELOOP), and all that
   * the lower ones have or hide, the topmost has or hides as well.
   * They can be read at once, as directories. Synchronous and free of I/O beyond what the driver must check: it is on the run path.
   * @throws {EngineError} LAYER_MOUNT_FAILED
   */
  lowers(diffIds: readonly DiffId[]): readonly HostPath[];

  /** Removes a layer that no image or container names. Idempotent. */
  remove(diffId: DiffId): Promise<void>;

  /**
   * The same in two steps: the layer is out of the store when this returns, the function returned deletes its files. The first is
   * quick and synchronous, to be done inside the transaction that has found the layer unused. A crash between them leaves only
   * something that `collect` removes.
   */
  detach(diffId: DiffId): () => Promise<void>;

  /** What crashed processes have left half done, and `collect` removes. */
  abandoned(): readonly HostPath[];

  /** Removes what crashed processes have left half done. Safe while others work. */
  collect(): Promise<void>;
}
