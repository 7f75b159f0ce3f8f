import type { ContainerId, ImageId } from "../core/brands.ts";
import type { ContainerOptions } from "../spec/container-options.ts";

export type ContainerStatus = "created" | "running" | "paused" | "exited" | "dead";

/** One line of `ps`. */
export interface ContainerSummary {
  readonly id: ContainerId;
  /** Without Docker's leading slash. */
  readonly name: string;
  readonly image: string;
  readonly imageId: ImageId;
  /** Entrypoint and arguments that run. */
  readonly command: readonly string[];
  readonly createdAt: Date;
  readonly status: ContainerStatus;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Null until it has ended. */
  readonly exitCode: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly MountView[];
  readonly networkMode: string;
  /** Bytes in the read-write layer, only when asked for. */
  readonly sizeRwBytes?: number;
  readonly sizeRootFsBytes?: number;
}

/** What a path in a container is. */
export interface ContainerPathStat {
  /** The path's last component; empty for `/`. */
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";
  /** Permission and set-id bits. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedAt: { readonly seconds: number; readonly nanos: number };
  /** Of a symlink: the absolute path where it leads in the container, whether there is anything or not; else empty. */
  readonly linkTarget: string;
}

export interface MountView {
  readonly type: "bind" | "tmpfs" | "volume" | "image";
  /** Of a volume; else empty. */
  readonly name: string;
  /** A path on the host, or an image's reference; empty for what has neither. */
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  /** Of a volume; else empty. */
  readonly driver: string;
  readonly readWrite: boolean;
  readonly propagation: string;
}

/** All that `inspect` tells; the CLI and API turn it into Docker's JSON. */
export interface ContainerDetails extends ContainerSummary {
  readonly options: ContainerOptions;
  /** What the process gets after image and options are united. */
  readonly process: {
    readonly entrypoint: readonly string[] | null;
    readonly command: readonly string[] | null;
    readonly path: string;
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly workingDirectory: string;
    readonly user: string;
    /** Empty: nobody has named one, `stop` sends SIGTERM. */
    readonly stopSignal: string;
    readonly exposedPorts: readonly string[];
    readonly volumes: readonly string[];
  };
  readonly pid: number;
  readonly oomKilled: boolean;
  /** Why the last start failed, or empty. */
  readonly error: string;
  readonly restartCount: number;
  readonly hostname: string;
  readonly paths: {
    readonly containerDirectory: string;
    readonly resolvConf: string;
    readonly hostname: string;
    readonly hosts: string;
    readonly log: string;
    readonly upper: string;
    readonly work: string;
    readonly lowers: readonly string[];
  };
  readonly cgroupPath: string;
  readonly apparmorProfile: string;
  readonly layerDriver: string;
  readonly execIds: readonly string[];
}
