/**
 * What a user asks of a container: the one form that CLI flags and API bodies are turned into. Units are in the names;
 * absent means "the default". Checked by `createContainer`, not by its callers.
 */
export interface ContainerOptions {
  /** Image reference, id or id prefix. */
  readonly image: string;
  /** `os[/architecture[/variant]]`: another image of that name does not do. Absent or empty: any. */
  readonly platform?: string;
  readonly name?: string;
  /** Replaces the image's command. */
  readonly command?: readonly string[];
  /** Replaces the image's entrypoint and drops its command; `[]` or `[""]` clears it. */
  readonly entrypoint?: readonly string[];
  /** `NAME=VALUE`, in order; they override the image's. */
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  /** `NAME|UID[:GROUP|GID]`. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly hostname?: string;
  readonly domainname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly autoRemove?: boolean;
  readonly init?: boolean;
  /** A signal's name or number, as the image may also say. */
  readonly stopSignal?: string;
  readonly stopTimeoutSeconds?: number;

  readonly namespaces?: NamespaceOptions;
  readonly mounts?: readonly MountOption[];
  /** `CONTAINER[:ro|rw]`: its binds and volumes as well. */
  readonly volumesFrom?: readonly string[];
  readonly readonlyRootfs?: boolean;
  readonly shmSizeBytes?: number;
  readonly devices?: readonly DeviceOption[];
  readonly deviceCgroupRules?: readonly string[];
  readonly extraHosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];

  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** Docker's strings: `no-new-privileges[:BOOL]`, `seccomp=unconfined|<profile JSON>`, `apparmor=PROFILE|unconfined`, `systempaths=unconfined`, `label=…`. A profile is the JSON itself; the CLI reads the file. */
  readonly securityOpt?: readonly string[];
  readonly ulimits?: readonly UlimitOption[];
  readonly oomScoreAdj?: number;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly log?: LogLimits;
  readonly resources?: ResourceOptions;
}

/** Each: `host`, `container:ID` (not mount, user, cgroup, time), or the word named; absent is the default. */
export interface NamespaceOptions {
  /** Default `none` for now: an own network namespace with only loopback up. Also `host`, `container:ID`. */
  readonly network?: string;
  /** Default own. */
  readonly pid?: string;
  /** Default `private`; also `none` (no /dev/shm), `shareable`, `host`, `container:ID`. */
  readonly ipc?: string;
  readonly uts?: string;
  /** `host` (default) or `auto`. */
  readonly user?: string;
  /** `private` (default) or `host`. */
  readonly cgroup?: string;
  /** `private` (default) or `host`. */
  readonly time?: string;
}

export interface MountOption {
  readonly type: "bind" | "tmpfs" | "volume" | "image";
  /** Host path for `bind`; a volume's name, absent for an anonymous one; an image's reference. */
  readonly source?: string;
  readonly target: string;
  readonly readonly?: boolean;
  /** `bind`: make a missing source directory (`-v`), or refuse (`--mount`). */
  readonly createSource?: boolean;
  readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  readonly nonRecursive?: boolean;
  /** What a read-only bind does to the mounts beneath it (`bind-recursive`): default read-only too where the kernel can. */
  readonly recursiveReadonly?: "writable" | "readonly";
  readonly tmpfsSizeBytes?: number;
  readonly tmpfsMode?: number;
  /** Further mount options as given (`--tmpfs /run:noexec,uid=1`). */
  readonly options?: readonly string[];
  readonly volume?: VolumeMountOptions;
  /** A path beneath the volume or image that is mounted instead of its root. */
  readonly subpath?: string;
  /** How the ids of a bind mount's files appear inside. */
  readonly idmap?: IdMapOption;
  /** Who asked for it: `-v` or `--tmpfs` when absent. The last two are found when the container is made. */
  readonly origin?: "mount" | "image" | "volumes-from";
  /** The volume got its name when the container was made. */
  readonly volumeIsAnonymous?: boolean;
  /** What an image mount shows, as found when the container was made: bottom first. */
  readonly layers?: readonly string[];
}

/** For `volume`: what holds when it is made for this mount. */
export interface VolumeMountOptions {
  /** The image's content at the target is not copied into the volume. */
  readonly noCopy?: boolean;
  readonly driver?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/**
 * `owner`: the container's root and that user and group change places, all others stay. `ranges`: exactly these; `relative` ones count in
 * the container's user namespace, others on the host.
 */
export type IdMapOption =
  | { readonly kind: "owner"; readonly uid: number; readonly gid: number }
  | { readonly kind: "ranges"; readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[]; readonly relative: boolean };

export interface IdRange {
  /** First id as stored on disk. */
  readonly stored: number;
  /** First id as seen. */
  readonly seen: number;
  readonly size: number;
}

export interface DeviceOption {
  readonly hostPath: string;
  readonly containerPath: string;
  /** A subset of `rwm`. */
  readonly permissions: string;
}

export interface LogLimits {
  /** After which a log file is rotated; 0: nothing is logged. Default 10 MiB. */
  readonly maxBytes?: number;
  /** How many files are kept, the current one included. Default 3. */
  readonly maxFiles?: number;
}

export interface UlimitOption {
  /** `nofile`, `nproc`, …. */
  readonly name: string;
  /** -1: unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export interface ResourceOptions {
  readonly memoryBytes?: number;
  /** Memory plus swap; -1: unlimited swap. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly memorySwappiness?: number;
  readonly oomKillDisable?: boolean;
  readonly kernelMemoryBytes?: number;
  /** `--cpus`, in billionths of a CPU. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpuQuotaMicros?: number;
  readonly cpuPeriodMicros?: number;
  readonly cpuRealtimeRuntimeMicros?: number;
  readonly cpuRealtimePeriodMicros?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** -1 or 0: unlimited. */
  readonly pidsLimit?: number;
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly ThrottleDevice[];
  readonly blkioDeviceReadBps?: readonly ThrottleDevice[];
  readonly blkioDeviceWriteBps?: readonly ThrottleDevice[];
  readonly blkioDeviceReadIops?: readonly ThrottleDevice[];
  readonly blkioDeviceWriteIops?: readonly ThrottleDevice[];
  readonly cgroupParent?: string;
}

export interface ThrottleDevice {
  /** A block device's path on the host. */
  readonly path: string;
  /** Bytes or operations a second; for a weight, 10 to 1000. */
  readonly rate: number;
}
