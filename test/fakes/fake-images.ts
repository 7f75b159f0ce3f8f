import type { Digest, ImageId } from "../../src/core/brands.ts";
import type {
  ImageDetails,
  ImageHistoryEntry,
  ImageService,
  ArchiveInput,
  LoadedImage,
  LoadOptions,
  PulledImage,
  PullOptions,
  PushedImage,
  PushOptions,
} from "../../src/engine/engine.ts";
import type { FoundRepository } from "../../src/registry/search-hub.ts";
import type { FakeEngine } from "./fake-engine.ts";

/** The images of a `FakeEngine`. */
export class FakeImages implements ImageService {
  readonly #engine: FakeEngine;

  constructor(engine: FakeEngine) {
    this.#engine = engine;
  }

  async list(): Promise<readonly ImageDetails[]> {
    return this.#engine.imageRows;
  }

  async inspect(reference: string): Promise<ImageDetails> {
    return this.#engine.findImage(reference);
  }

  async import(tar: AsyncIterable<Uint8Array>): Promise<ImageId> {
    let length = 0;
    for await (const chunk of tar) length += chunk.length;
    return `sha256:${length.toString(16).padStart(64, "0")}` as ImageId;
  }

  /** One image, whatever the archive. */
  async load(_: ArchiveInput, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    const [image] = this.#engine.imageRows;
    if (image === undefined) return [];
    const loaded = { id: image.id, references: image.references, taken: [] };
    options.onLoaded?.(loaded);
    return [loaded];
  }

  /** The names, as the archive. */
  async save(references: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
    const ids = references.map((reference) => this.#engine.findImage(reference).id);
    return (async function* () {
      yield Buffer.from(ids.join("\n"));
    })();
  }

  async commit(container: string): Promise<ImageId> {
    this.#engine.find(container);
    return `sha256:${"c".repeat(64)}` as ImageId;
  }

  async tag(reference: string): Promise<void> {
    this.#engine.findImage(reference);
  }

  /** Every name is there, of one image that has it from then on. */
  async pull(reference: string, options: PullOptions = {}): Promise<PulledImage> {
    const digest = `sha256:${"d".repeat(64)}` as Digest;
    const id = `sha256:${"e".repeat(64)}` as ImageId;
    options.onProgress?.({ kind: "image", tag: "latest", repository: reference, name: reference });
    for (const state of ["waiting", "downloading", "storing", "pulled"] as const) {
      options.onProgress?.({ kind: "blob", digest, state, currentBytes: 5, totalBytes: 10 });
    }
    options.onProgress?.({ kind: "done", tag: "latest", digest, sizeBytes: 528 });
    const [first] = this.#engine.imageRows;
    if (first !== undefined) this.#engine.imageRows.push({ ...first, id, references: [`${reference}:latest`] });
    return { id, digest, reference: `${reference}:latest`, canonical: `docker.io/library/${reference}:latest`, updated: true };
  }

  async pullAll(repository: string, options: PullOptions = {}): Promise<readonly PulledImage[]> {
    return [await this.pull(repository, options)];
  }

  async search(term: string): Promise<readonly FoundRepository[]> {
    const found = { name: term, description: `About ${term}, `.repeat(5).trim(), stars: 12, isOfficial: true, isAutomated: false };
    return [found, { ...found, name: `jane/${term}`, description: "", stars: 0, isOfficial: false }];
  }

  async remoteTags(name: string): Promise<{ readonly name: string; readonly tags: readonly string[] }> {
    return { name, tags: ["1", "2"] };
  }

  async push(reference: string, options: PushOptions = {}): Promise<PushedImage> {
    const { id } = this.#engine.findImage(reference);
    const digest = id as string as Digest;
    options.onProgress?.({ kind: "image", tag: "latest", repository: reference, name: reference });
    options.onProgress?.({ kind: "blob", digest, state: "exists", currentBytes: 0, totalBytes: 10 });
    options.onProgress?.({ kind: "done", tag: "latest", digest, sizeBytes: 528 });
    return { reference, tag: "latest", canonical: `docker.io/library/${reference}:latest`, digest };
  }

  async pushAll(repository: string, options: PushOptions = {}): Promise<readonly PushedImage[]> {
    return [await this.push(repository, options)];
  }

  async remove(reference: string): Promise<readonly { readonly untagged?: string; readonly deleted?: string }[]> {
    const image = this.#engine.findImage(reference);
    this.#engine.imageRows.splice(this.#engine.imageRows.indexOf(image), 1);
    return [...image.references.map((untagged) => ({ untagged })), { deleted: image.id }];
  }

  async prune(options: object = {}): ReturnType<ImageService["prune"]> {
    this.#engine.calls.push({ method: "images.prune", args: [options] });
    return { removed: [{ untagged: "old:1" }, { deleted: "sha256:0a" }], reclaimedBytes: 2_500_000 };
  }

  async dropCompressed(): Promise<number> {
    return 1_000_000;
  }

  async usage(): ReturnType<ImageService["usage"]> {
    const images = this.#engine.imageRows.map((image) => ({ ...image, diskBytes: 3_000_000, sharedBytes: 1_000_000 }));
    return { images, active: 1, diskBytes: 5_000_000, reclaimableBytes: 2_000_000 };
  }

  async history(reference: string): Promise<readonly ImageHistoryEntry[]> {
    const image = this.#engine.findImage(reference);
    return [
      { id: image.id, createdAt: image.createdAt, createdBy: 'CMD ["sh"]', sizeBytes: 0, comment: "", emptyLayer: true },
      {
        id: "<missing>",
        createdAt: image.createdAt,
        createdBy: "",
        sizeBytes: image.sizeBytes,
        comment: "Imported from -",
        emptyLayer: false,
      },
    ];
  }

  async ensureBase(): Promise<ImageId> {
    return `sha256:${"b".repeat(64)}` as ImageId;
  }
}
