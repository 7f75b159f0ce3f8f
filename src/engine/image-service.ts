import type { ContainerHost } from "../containers/container-host.ts";
import { containerPaths } from "../containers/container-paths.ts";
import { findIdRange } from "../containers/id-range.ts";
import { holdStill } from "../containers/pause-container.ts";
import { reconcile } from "../containers/reconcile.ts";
import { containerLayers } from "../containers/root-filesystem.ts";
import { ContentStore } from "../content/content-store.ts";
import type { ImageId } from "../core/brands.ts";
import { ImageStore } from "../images/image-store.ts";
import type { ImagesUsage } from "../images/image-usage.ts";
import type { ArchiveInput, LoadedImage, LoadOptions } from "../images/load-images.ts";
import type { SaveOptions } from "../images/save-images.ts";
import type { ImageDetails, ImageHistoryEntry, ImageSummary } from "../images/image-view.ts";
import type { SearchOptions } from "../images/search-registry.ts";
import type { PulledImage, PullOptions } from "../images/pull-image.ts";
import type { PushedImage, PushOptions } from "../images/push-image.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { ResolvedProcess } from "../spec/resolve-process.ts";
import { containerNotFound, findContainer } from "../state/container-table.ts";
import type { ImageService } from "./engine.ts";

type CommitOptions = Parameters<ImageService["commit"]>[1];

/** The images of one data root; `commit` is where images and containers meet. */
export class LocalImageService implements ImageService {
  readonly #host: ContainerHost;
  readonly #images: ImageStore;

  constructor(host: ContainerHost) {
    this.#host = host;
    this.#images = new ImageStore({
      root: host.root,
      store: host.store,
      content: new ContentStore(host.root),
      layers: host.layers,
      launcher: host.launcher,
    });
  }

  list(options: Parameters<ImageService["list"]>[0] = {}): Promise<readonly ImageSummary[]> {
    return this.#images.list(options);
  }

  inspect(reference: string): Promise<ImageDetails> {
    return this.#images.inspect(reference);
  }

  history(reference: string): Promise<readonly ImageHistoryEntry[]> {
    return this.#images.history(reference);
  }

  import(tar: AsyncIterable<Uint8Array>, options: Parameters<ImageService["import"]>[1]): Promise<ImageId> {
    return this.#images.import(tar, options);
  }

  load(archive: ArchiveInput, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    return this.#images.load(archive, options);
  }

  save(references: readonly string[], options: SaveOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    return this.#images.save(references, options);
  }

  tag(reference: string, target: string): Promise<void> {
    return this.#images.tag(reference, target);
  }

  remove(reference: string, options: Parameters<ImageService["remove"]>[1] = {}): ReturnType<ImageService["remove"]> {
    return this.#images.remove(reference, options);
  }

  prune(options: Parameters<ImageService["prune"]>[0] = {}): ReturnType<ImageService["prune"]> {
    return this.#images.prune(options);
  }

  dropCompressed(): Promise<number> {
    return this.#images.dropCompressed();
  }

  usage(): Promise<ImagesUsage> {
    return this.#images.usage();
  }

  pull(reference: string, options: PullOptions = {}): Promise<PulledImage> {
    return this.#images.pull(reference, options);
  }

  pullAll(repository: string, options: PullOptions = {}): Promise<readonly PulledImage[]> {
    return this.#images.pullAll(repository, options);
  }

  push(reference: string, options: PushOptions = {}): Promise<PushedImage> {
    return this.#images.push(reference, options);
  }

  pushAll(repository: string, options: PushOptions = {}): Promise<readonly PushedImage[]> {
    return this.#images.pushAll(repository, options);
  }

  search(term: string, options: SearchOptions): ReturnType<ImageService["search"]> {
    return this.#images.search(term, options);
  }

  remoteTags(name: string, options: Parameters<ImageService["remoteTags"]>[1]): ReturnType<ImageService["remoteTags"]> {
    return this.#images.remoteTags(name, options);
  }

  ensureBase(): Promise<ImageId> {
    return this.#images.ensureBase();
  }

  /** The container stands still while its layer is read, unless it was asked not to; it runs on whatever happens. */
  async commit(container: string, options: CommitOptions): Promise<ImageId> {
    const host = this.#host;
    const row = await reconcile(host, findContainer(host.store, container).id);
    if (row === undefined) throw containerNotFound(container);
    const release = row.status === "running" && options.pause !== false ? await holdStill(host, row) : undefined;
    try {
      const process = JSON.parse(row.process) as ResolvedProcess;
      const idBase = findIdRange(host.store, row.id);
      const { reference, message, author, changes } = options;
      const squashed = options.squash === true ? (await import("../containers/export-container.ts")).exportContainer(host, row) : undefined;
      return await this.#images.commit({
        containerId: row.id,
        upper: containerPaths(host.root, host.runRoot, row.id).upper,
        lowers: containerLayers(host, row, idBase).lowers,
        parentImage: row.imageId,
        config: {
          user: process.user,
          env: process.env,
          entrypoint: process.entrypoint,
          command: process.command,
          workingDirectory: process.workingDirectory === "/" ? "" : process.workingDirectory,
          exposedPorts: process.exposedPorts,
          volumes: process.volumes,
          labels: process.labels,
          stopSignal: process.stopSignal === "SIGTERM" ? "" : process.stopSignal,
        },
        command: [...(process.entrypoint ?? []), ...(process.command ?? [])],
        ...(idBase === null ? {} : { uidShift: { from: idBase, count: idRangeSize } }),
        ...(reference === undefined ? {} : { reference }),
        ...(message === undefined ? {} : { message }),
        ...(author === undefined ? {} : { author }),
        ...(changes === undefined ? {} : { changes }),
        ...(squashed === undefined ? {} : { squashed }),
      });
    } finally {
      release?.();
    }
  }
}
