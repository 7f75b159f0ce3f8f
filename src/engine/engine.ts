import type { ContainerOptions, ResourceOptions } from "../spec/container-options.ts";
import type { ExecRequest } from "../containers/exec-request.ts";
import type { ContainerArchive } from "../containers/copy-from-container.ts";
import type { ContainerPruneReport } from "../containers/prune-containers.ts";
import type { WriteArchiveOptions } from "../containers/copy-to-container.ts";
import type { ContainerDetails, ContainerPathStat, ContainerStatus, ContainerSummary } from "../containers/container-view.ts";
import type { ContainerId, ImageId } from "../core/brands.ts";
import type { ContainerUsage } from "../containers/container-usage.ts";
import type { ImagesUsage } from "../images/image-usage.ts";
import type { ImagePruneOptions, ImagePruneReport } from "../images/prune-images.ts";
import type { ImageDetails, ImageHistoryEntry, ImageSummary } from "../images/image-view.ts";
import type { LayerDriverChoice } from "../layers/layer-driver.ts";
import type { ArchiveInput, LoadedImage, LoadOptions } from "../images/load-images.ts";
import type { SaveOptions } from "../images/save-images.ts";
import type { ContainerStats } from "../kernel/container-stats.ts";
import type { DoctorReport } from "../kernel/doctor-report.ts";
import type { SearchOptions } from "../images/search-registry.ts";
import type { FoundRepository } from "../registry/search-hub.ts";
import type { RegistryCredentials } from "../registry/credentials.ts";
import type { PulledImage, PullOptions } from "../images/pull-image.ts";
import type { PushedImage, PushOptions } from "../images/push-image.ts";
import type { LogEntry, LogOptions } from "../kernel/log-entry.ts";
import type { AttachOptions, ProcessStreams } from "../kernel/process-streams.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { VolumeOptions } from "../volumes/create-volume.ts";
import type { PruneReport } from "../volumes/prune-volumes.ts";
import type { VolumeUsage } from "../volumes/volume-usage.ts";
import type { VolumeView } from "../volumes/volume-view.ts";

export type { VolumeView } from "../volumes/volume-view.ts";
export type { VolumeUsage } from "../volumes/volume-usage.ts";
export type { ContainerUsage } from "../containers/container-usage.ts";
export type { ImagesUsage } from "../images/image-usage.ts";
export type { ContainerPathStat } from "../containers/container-view.ts";
export type { ContainerArchive } from "../containers/copy-from-container.ts";
export type { ContainerPruneReport } from "../containers/prune-containers.ts";
export type { WriteArchiveOptions } from "../containers/copy-to-container.ts";
export type { ExecRequest } from "../containers/exec-request.ts";
export type { ImageConfig, ImageDetails, ImageHistoryEntry, ImageSummary } from "../images/image-view.ts";
export type { LayerDriverChoice } from "../layers/layer-driver.ts";
export type { PulledImage, PullOptions } from "../images/pull-image.ts";
export type { PushedImage, PushOptions } from "../images/push-image.ts";
export type { TransferEvent, TransferState } from "../images/transfer-event.ts";
export type { RegistryCredentials } from "../registry/credentials.ts";
export type { ArchiveInput, LoadedImage, LoadOptions } from "../images/load-images.ts";
export type { ArchiveFormat } from "../images/save-images.ts";
export type { ContainerStats } from "../kernel/container-stats.ts";
export type { LogEntry, LogOptions } from "../kernel/log-entry.ts";
export type { AttachOptions, OutputChunk, ProcessStreams } from "../kernel/process-streams.ts";

/**
 * The engine as CLI and API see it. `createEngine()` is the local one; a remote engine is a second implementation.
 * References are an id, a unique id prefix or a name. Every promise rejects only with an EngineError.
 */
export interface Engine extends AsyncDisposable {
  readonly containers: ContainerService;
  readonly images: ImageService;
  readonly system: SystemService;
  readonly volumes: VolumeService;
}

export interface ContainerService {
  /** @throws {EngineError} IMAGE_NOT_FOUND, CONTAINER_NAME_TAKEN, INVALID_*; nothing is left behind. */
  create(options: ContainerOptions): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }>;
  /**
   * Starts the process and, when `attach` is given, stays connected as the starting client: no byte of output is missed and
   * reading slowly slows the process. Resolves after exec succeeded. Starting a running container is `notModified`.
   * @throws {EngineError} CONTAINER_NOT_FOUND, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, START_FAILED; the container is then `exited` (127, 126, 128) or stays `created`, as in docker.
   */
  start(reference: string, options?: StartOptions): Promise<StartResult>;
  /** Create and start in one go: the fast path of `run`. When a container was made that did not start, the error's `details.containerId` names it. */
  run(options: ContainerOptions, start?: StartOptions): Promise<StartResult>;
  /** Sends the stop signal, waits, then kills. Resolves when it has ended; a stopped one is `notModified`. Negative or absent timeout: the container's own; */
  stop(reference: string, options?: { readonly timeoutSeconds?: number; readonly signal?: string }): Promise<void>;
  /** After SIGKILL it resolves when the container has ended; another signal is only sent. */
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  /** @throws {EngineError} CONTAINER_RUNNING without `force`. */
  remove(reference: string, options?: { readonly force?: boolean; readonly volumes?: boolean }): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  /** Changes limits, at once if it runs, and for its next starts; what is absent stays. @throws {EngineError} INVALID_OPTION, CGROUP_* */
  update(reference: string, resources: ResourceOptions): Promise<void>;
  /** Removes those that do not run. Docker's filters: label, label!, until (RFC 3339). @throws {EngineError} INVALID_FILTER */
  prune(filters?: Readonly<Record<string, readonly string[]>>): Promise<ContainerPruneReport>;
  /** Resolves with the exit code once the condition holds. */
  wait(
    reference: string,
    options?: { readonly condition?: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal },
  ): Promise<number>;
  list(options?: ListOptions): Promise<readonly ContainerSummary[]>;
  inspect(reference: string, options?: { readonly size?: boolean }): Promise<ContainerDetails>;
  attach(reference: string, options: AttachOptions): Promise<ProcessStreams>;
  logs(reference: string, options: LogOptions): AsyncIterable<LogEntry>;
  exec(reference: string, request: ExecRequest): Promise<ProcessStreams>;
  /** What a path is; a symlink as such. @throws {EngineError} COPY_PATH_NOT_FOUND, COPY_SOURCE_INVALID */
  statPath(reference: string, path: string): Promise<ContainerPathStat>;
  /**
   * A file, or a directory with all beneath it, as a tar whose entries begin with the path's last component (`/dir/.`: with none). The tar
   * must be read, or its iterator returned: a container that does not run can't be started until then.
   */
  readArchive(reference: string, path: string): Promise<ContainerArchive>;
  /** Unpacks a tar, compressed or not, into a directory that is there; resolves with the bytes of file content. */
  writeArchive(reference: string, path: string, tar: AsyncIterable<Uint8Array>, options?: WriteArchiveOptions): Promise<number>;
  /** The root file system as a tar, image and changes merged; mount points are empty. As to its end, like `readArchive`. */
  export(reference: string): AsyncIterable<Uint8Array>;
  diff(reference: string): Promise<readonly { readonly path: string; readonly kind: "added" | "changed" | "deleted" }[]>;
  /** What each container's own files take on the disk: its read-write layer and its log. */
  usage(): Promise<readonly ContainerUsage[]>;
  top(
    reference: string,
    psArguments?: readonly string[],
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }>;
  stats(reference: string): Promise<ContainerStats>;
  /** The plan of an existing container, made as `start` would make it now. Nothing is changed. */
  explain(reference: string): Promise<ExplainedPlan>;
  /** The plan that `run` with these options would carry out. Nothing is created. */
  explainOptions(options: ContainerOptions): Promise<ExplainedPlan>;
}

export interface StartOptions {
  readonly attach?: AttachOptions;
  /** Called with the plan just before it runs (`--explain`). */
  readonly onPlan?: (plan: ExplainedPlan) => void;
}

export interface StartResult {
  readonly id: ContainerId;
  readonly pid: number;
  readonly warnings: readonly string[];
  /** Present when `attach` was asked for. */
  readonly streams?: ProcessStreams;
}

export interface ListOptions {
  /** Also those that don't run. */
  readonly all?: boolean;
  readonly limit?: number;
  readonly size?: boolean;
  /** Docker's filters: id, name, label, status, exited, ancestor, before, since, volume, network, health. Values of one key are alternatives. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export interface ImageService {
  list(options?: {
    readonly all?: boolean;
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  }): Promise<readonly ImageSummary[]>;
  inspect(reference: string): Promise<ImageDetails>;
  /** `tar`: the archive's bytes, compressed (gzip, zstd, bzip2 and xz where the host has them) or not. Changes: Dockerfile instructions (`CMD …`, `ENV …`). */
  import(
    tar: AsyncIterable<Uint8Array>,
    options: { readonly reference?: string; readonly message?: string; readonly changes?: readonly string[]; readonly platform?: string },
  ): Promise<ImageId>;
  /**
   * The images of an archive (docker's form, an OCI layout or both), compressed or not.
   * @throws {EngineError} ARCHIVE_INVALID, IMAGE_INVALID, PLATFORM_NOT_FOUND; images before the damaged one stay.
   */
  load(archive: ArchiveInput, options?: LoadOptions): Promise<readonly LoadedImage[]>;
  /**
   * An archive of the images, which `load` and other engines read; the same images give the same bytes. Format: `both` by default. The
   * stream must be read to its end or be ended.
   * @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, before anything is to be read.
   */
  save(references: readonly string[], options?: SaveOptions): Promise<AsyncIterable<Uint8Array>>;
  commit(
    container: string,
    options: {
      readonly reference?: string;
      readonly message?: string;
      readonly author?: string;
      readonly changes?: readonly string[];
      readonly pause?: boolean;
      /** One layer with the whole root file system, in place of the image's and one with what was changed. */
      readonly squash?: boolean;
    },
  ): Promise<ImageId>;
  tag(reference: string, target: string): Promise<void>;
  /** What was untagged and deleted, in docker's order. */
  remove(
    reference: string,
    options?: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly { readonly untagged?: string; readonly deleted?: string }[]>;
  history(reference: string): Promise<readonly ImageHistoryEntry[]>;
  /** Images that no container has and no name stands for; with `all`, named ones too. Filters: label, label!, until (RFC 3339). @throws {EngineError} INVALID_FILTER */
  prune(options?: ImagePruneOptions): Promise<ImagePruneReport>;
  /** Removes compressed layers that can be fetched again from where they came, and resolves with the bytes freed. */
  dropCompressed(): Promise<number>;
  /** What images take on the disk, measured. */
  usage(): Promise<ImagesUsage>;
  /**
   * Brings an image from its registry, as received. Concurrent pulls share the work; on failure or abort nothing is left.
   * @throws {EngineError} REGISTRY_*, PLATFORM_NOT_FOUND, INVALID_REFERENCE; the signal's reason
   */
  pull(reference: string, options?: PullOptions): Promise<PulledImage>;
  /** All tags of a repository. */
  pullAll(repository: string, options?: PullOptions): Promise<readonly PulledImage[]>;
  /** Brings an image to its registry; its digest is kept. @throws {EngineError} IMAGE_NOT_FOUND, REGISTRY_*; the signal's reason */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
  /** All tags that the repository has here. */
  pushAll(repository: string, options?: PushOptions): Promise<readonly PushedImage[]>;
  /** `TERM` on Docker Hub, `REGISTRY/TERM` elsewhere. @throws {EngineError} REGISTRY_* */
  search(term: string, options: SearchOptions): Promise<readonly FoundRepository[]>;
  /** All tags that a repository has in its registry. @throws {EngineError} REGISTRY_*, INVALID_REFERENCE */
  remoteTags(
    repository: string,
    options: Pick<PullOptions, "credentials" | "signal">,
  ): Promise<{ readonly name: string; readonly tags: readonly string[] }>;
  /** Makes the built-in base image from the host's own programs if it is missing. Idempotent. */
  ensureBase(): Promise<ImageId>;
}

export interface SystemService {
  /** Asks a registry whether it takes these credentials. Nothing is kept. @throws {EngineError} REGISTRY_UNAUTHORIZED, REGISTRY_* */
  checkLogin(registry: string, credentials: RegistryCredentials): Promise<void>;
  version(): Promise<VersionInfo>;
  info(): Promise<SystemInfo>;
  doctor(): Promise<DoctorReport>;
}

export interface VolumeService {
  /** Without a name: a random one. A volume that is there already stays as it is. @throws {EngineError} INVALID_OPTION, VOLUME_DRIVER_UNKNOWN */
  create(options: VolumeOptions): Promise<VolumeView>;
  /** By name. Filters are docker's: dangling, driver, label, name. @throws {EngineError} INVALID_FILTER */
  list(options?: { readonly filters?: Readonly<Record<string, readonly string[]>> }): Promise<readonly VolumeView[]>;
  /** @throws {EngineError} VOLUME_NOT_FOUND */
  inspect(name: string): Promise<VolumeView>;
  /** `force`: one that is not there is no error; one that containers have is in any case. @throws {EngineError} VOLUME_NOT_FOUND, VOLUME_IN_USE */
  remove(name: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Those that no container has and that were made without a name; others too with the filter `all`. Filters: all, label, label!. */
  prune(options?: { readonly filters?: Readonly<Record<string, readonly string[]>> }): Promise<PruneReport>;
  /** Sizes on disk, and the containers that mount each. */
  usage(): Promise<readonly VolumeUsage[]>;
}

export interface VersionInfo {
  readonly version: string;
  readonly gitCommit: string;
  readonly os: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly runtime: string;
  readonly launcher: string;
}

export interface SystemInfo {
  readonly id: string;
  readonly root: string;
  readonly runRoot: string;
  readonly containers: Readonly<Record<ContainerStatus | "total", number>>;
  readonly images: number;
  /** How layers are stored that are added now. */
  readonly layerDriver: LayerDriverChoice;
  readonly cgroupDriver: string;
  readonly cgroupVersion: string;
  readonly controllers: readonly string[];
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly name: string;
  readonly securityOptions: readonly string[];
  readonly warnings: readonly string[];
}
