import type { ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { setReference } from "../state/image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import type { ImportOptions } from "./import-image.ts";
import type { ImagesUsage } from "./image-usage.ts";
import type { ArchiveInput, LoadedImage, LoadOptions } from "./load-images.ts";
import type { ImageDetails, ImageHistoryEntry, ImageSummary } from "./image-view.ts";
import type { FoundRepository } from "../registry/search-hub.ts";
import type { TransferOptions } from "./open-repository.ts";
import type { SearchOptions } from "./search-registry.ts";
import type { PulledImage, PullOptions } from "./pull-image.ts";
import type { PushedImage, PushOptions } from "./push-image.ts";
import { canonicalReference, parseReference, refuseAmbiguousName } from "./reference.ts";
import type { ImagePruneOptions, ImagePruneReport } from "./prune-images.ts";
import type { RemovedPart } from "./remove-image.ts";
import { findImage, resolveImage } from "./resolve-image.ts";
import type { SaveOptions } from "./save-images.ts";
import type { RunnableImage } from "./runnable-image.ts";
import type { CommitInput } from "./commit-image.ts";

/**
 * The images of one data root. What each operation does is in the file named after it; those that `run` does not need are
 * loaded when called. Safe to be used by several processes at the same time.
 */
export class ImageStore {
  readonly #host: ImageHost;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  /** What a container needs to be made from the image; one query or two. */
  resolve(reference: string): RunnableImage {
    return resolveImage(this.#host.store, reference);
  }

  async list(
    options: { readonly all?: boolean; readonly filters?: Readonly<Record<string, readonly string[]>> } = {},
  ): Promise<readonly ImageSummary[]> {
    const { listImageSummaries } = await import("./list-images.ts");
    return listImageSummaries(this.#host.store, options);
  }

  async inspect(reference: string): Promise<ImageDetails> {
    const { inspectImage } = await import("./inspect-image.ts");
    return inspectImage(this.#host.store, reference);
  }

  async history(reference: string): Promise<readonly ImageHistoryEntry[]> {
    const { imageHistory } = await import("./image-history.ts");
    return imageHistory(this.#host.store, reference);
  }

  async import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageId> {
    const { importImage } = await import("./import-image.ts");
    return importImage(this.#host, archive, options);
  }

  async load(input: ArchiveInput, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    const { loadImages } = await import("./load-images.ts");
    return loadImages(this.#host, input, options);
  }

  async save(references: readonly string[], options: SaveOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const { saveImages } = await import("./save-images.ts");
    return saveImages(this.#host, references, options);
  }

  /** A new image from a container's read-write layer; the container must not change meanwhile (pause it). */
  async commit(input: CommitInput): Promise<ImageId> {
    const { commitImage } = await import("./commit-image.ts");
    return commitImage(this.#host, input);
  }

  /** @throws {EngineError} IMAGE_NOT_FOUND, INVALID_REFERENCE */
  async tag(reference: string, target: string): Promise<void> {
    const parsed = parseReference(target);
    if (parsed.digest !== undefined) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "INVALID_REFERENCE",
        message: "refusing to create a tag with a digest reference",
      });
    }
    refuseAmbiguousName(parsed);
    this.#host.store.durably(() => setReference(this.#host.store, canonicalReference(parsed), findImage(this.#host.store, reference).id));
  }

  async remove(reference: string, options: { readonly force?: boolean; readonly noPrune?: boolean } = {}): Promise<readonly RemovedPart[]> {
    const { removeImage } = await import("./remove-image.ts");
    return removeImage(this.#host, reference, options);
  }

  async prune(options: ImagePruneOptions): Promise<ImagePruneReport> {
    const { pruneImages } = await import("./prune-images.ts");
    return pruneImages(this.#host, options);
  }

  async dropCompressed(): Promise<number> {
    const { dropCompressed } = await import("./dropped-blobs.ts");
    return dropCompressed(this.#host);
  }

  async #dropIfAsked(): Promise<void> {
    const { keepsCompressed } = await import("./dropped-blobs.ts");
    if (!keepsCompressed()) await this.dropCompressed();
  }

  async usage(): Promise<ImagesUsage> {
    const { imagesUsage } = await import("./image-usage.ts");
    return imagesUsage(this.#host);
  }

  /** From its registry; see the file. */
  async pull(name: string, options: PullOptions = {}): Promise<PulledImage> {
    const { pullImage } = await import("./pull-image.ts");
    const pulled = await pullImage(this.#host, name, options);
    await this.#dropIfAsked();
    return pulled;
  }

  async pullAll(name: string, options: PullOptions = {}): Promise<readonly PulledImage[]> {
    const { pullAllTags } = await import("./pull-image.ts");
    const pulled = await pullAllTags(this.#host, name, options);
    await this.#dropIfAsked();
    return pulled;
  }

  async push(name: string, options: PushOptions = {}): Promise<PushedImage> {
    const { pushImage } = await import("./push-image.ts");
    return pushImage(this.#host, name, options);
  }

  async pushAll(name: string, options: PushOptions = {}): Promise<readonly PushedImage[]> {
    const { pushAllTags } = await import("./push-image.ts");
    return pushAllTags(this.#host, name, options);
  }

  async search(term: string, options: SearchOptions): Promise<readonly FoundRepository[]> {
    const { searchRegistry } = await import("./search-registry.ts");
    return searchRegistry(term, options);
  }

  async remoteTags(name: string, options: TransferOptions): Promise<{ readonly name: string; readonly tags: readonly string[] }> {
    const { listRemoteTags } = await import("./search-registry.ts");
    return listRemoteTags(name, options);
  }

  async ensureBase(): Promise<ImageId> {
    const { ensureBase } = await import("./base-image.ts");
    return ensureBase(this.#host);
  }
}
