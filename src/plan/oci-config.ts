/**
 * The Linux part of an OCI runtime-spec `config.json` (1.3), field by field and under the specification's own names.
 * 64-bit numbers are JSON numbers, as in the file; values beyond 2^53 have no use in any field.
 * @see https://github.com/opencontainers/runtime-spec schema/config-schema.json, config-linux.json, defs*.json
 */
export interface OciConfig {
  readonly ociVersion: string;
  readonly process?: OciProcess;
  readonly root?: OciRoot;
  readonly hostname?: string;
  readonly domainname?: string;
  /** Mounted in this order, after the root file system. */
  readonly mounts?: readonly OciMount[];
  readonly hooks?: OciHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: OciLinux;
}

export interface OciRoot {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface OciMount {
  /** Absolute path in the container. */
  readonly destination: string;
  /** File system type; `bind` or absent for a bind mount, whose options then hold `bind` or `rbind`. */
  readonly type?: string;
  readonly source?: string;
  /** As mount(8) takes them, mount flags and file system data mixed. */
  readonly options?: readonly string[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
}

export interface OciIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface OciHooks {
  /** Deprecated by the specification; run with `createRuntime`, before them. */
  readonly prestart?: readonly OciHook[];
  readonly createRuntime?: readonly OciHook[];
  readonly createContainer?: readonly OciHook[];
  readonly startContainer?: readonly OciHook[];
  readonly poststart?: readonly OciHook[];
  readonly poststop?: readonly OciHook[];
}

export interface OciHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export interface OciProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly cwd: string;
  /** `NAME=value` each. */
  readonly env?: readonly string[];
  readonly args?: readonly string[];
  readonly user?: OciUser;
  readonly capabilities?: OciCapabilities;
  readonly rlimits?: readonly OciRlimit[];
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
  readonly scheduler?: OciScheduler;
  readonly ioPriority?: OciIoPriority;
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

export interface OciUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
  readonly username?: string;
}

/** Capability names with their prefix, `CAP_CHOWN`. */
export interface OciCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface OciRlimit {
  /** `RLIMIT_NOFILE` and so on. */
  readonly type: string;
  /** Unlimited is 2^64 - 1, which a JSON number can only approach: anything from 2^63 up, or negative, is unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export type OciSchedulerPolicy = "SCHED_OTHER" | "SCHED_FIFO" | "SCHED_RR" | "SCHED_BATCH" | "SCHED_ISO" | "SCHED_IDLE" | "SCHED_DEADLINE";

export type OciSchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

export interface OciScheduler {
  readonly policy: OciSchedulerPolicy;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly OciSchedulerFlag[];
  /** Nanoseconds, as the next two. */
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export interface OciIoPriority {
  readonly class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  readonly priority?: number;
}

export type OciPropagation = "private" | "shared" | "slave" | "unbindable";

export interface OciLinux {
  /** Additional device nodes; the default ones (null, zero, full, random, urandom, tty) are always there. */
  readonly devices?: readonly OciDevice[];
  /** Host interfaces moved into the container, by host name. */
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  /** A kind that is not listed is shared with the host. */
  readonly namespaces?: readonly OciNamespace[];
  readonly resources?: OciResources;
  readonly cgroupsPath?: string;
  /** runc's words with an `r` before them, are what engines write. */
  readonly rootfsPropagation?: OciPropagation | `r${OciPropagation}`;
  readonly seccomp?: OciSeccomp;
  /** Names with dots, as sysctl(8) takes them. */
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: OciIntelRdt;
  readonly memoryPolicy?: OciMemoryPolicy;
  readonly personality?: OciPersonality;
  readonly timeOffsets?: { readonly boottime?: OciTimeOffset; readonly monotonic?: OciTimeOffset };
}

export type OciNamespaceType = "mount" | "pid" | "network" | "uts" | "ipc" | "user" | "cgroup" | "time";

export interface OciNamespace {
  readonly type: OciNamespaceType;
  /** Joined instead of made. */
  readonly path?: string;
}

export interface OciDevice {
  /** Character, block, unbuffered character (the same as `c`), FIFO. */
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  /** Needed unless `type` is `p`. */
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface OciTimeOffset {
  readonly secs?: number;
  readonly nanosecs?: number;
}

export interface OciPersonality {
  readonly domain?: "LINUX" | "LINUX32";
  readonly flags?: readonly string[];
}

export interface OciIntelRdt {
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}

export interface OciMemoryPolicy {
  readonly mode?:
    | "MPOL_DEFAULT"
    | "MPOL_BIND"
    | "MPOL_INTERLEAVE"
    | "MPOL_WEIGHTED_INTERLEAVE"
    | "MPOL_PREFERRED"
    | "MPOL_PREFERRED_MANY"
    | "MPOL_LOCAL";
  readonly nodes?: string;
  readonly flags?: readonly ("MPOL_F_NUMA_BALANCING" | "MPOL_F_RELATIVE_NODES" | "MPOL_F_STATIC_NODES")[];
}

export interface OciResources {
  /** cgroup v2 files and their values, written last. */
  readonly unified?: Readonly<Record<string, string>>;
  readonly devices?: readonly OciDeviceRule[];
  readonly pids?: { readonly limit: number };
  readonly blockIO?: OciBlockIo;
  readonly cpu?: OciCpu;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly memory?: OciMemory;
  readonly network?: OciNetworkResources;
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
}

/** One line of the device allow-list; applied in order, the last match decides. */
export interface OciDeviceRule {
  readonly allow: boolean;
  /** `a` all, `c` character, `b` block; absent means all. */
  readonly type?: string;
  /** Absent means any. */
  readonly major?: number;
  readonly minor?: number;
  /** Of `r`, `w` and `m` (mknod). */
  readonly access?: string;
}

/** Bytes; -1 is unlimited. */
export interface OciMemory {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory and swap together. */
  readonly swap?: number;
  readonly kernel?: number;
  readonly kernelTCP?: number;
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

export interface OciCpu {
  readonly shares?: number;
  /** Microseconds a period. */
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: number;
}

export interface OciBlockIo {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly OciWeightDevice[];
  readonly throttleReadBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly OciThrottleDevice[];
}

export interface OciWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface OciThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate?: number;
}

export interface OciNetworkResources {
  readonly classID?: number;
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
}

export type OciSeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY";

export type OciSeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

export type OciSeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

/** A seccomp profile after capability and kernel-version conditions were resolved (docker's `includes`/`excludes` are not part of OCI). */
export interface OciSeccomp {
  readonly defaultAction: OciSeccompAction;
  readonly defaultErrnoRet?: number;
  /** `SCMP_ARCH_X86_64` and so on; the native one is always meant. */
  readonly architectures?: readonly string[];
  readonly flags?: readonly OciSeccompFlag[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly OciSyscallRule[];
}

export interface OciSyscallRule {
  readonly names: readonly string[];
  readonly action: OciSeccompAction;
  readonly errnoRet?: number;
  /** All must match. */
  readonly args?: readonly OciSyscallArgument[];
}

export interface OciSyscallArgument {
  /** 0 to 5. */
  readonly index: number;
  /** Beyond 2^53 its digits, as `parseConfig` keeps them. */
  readonly value: number | string;
  /** The value compared with after masking by `value`, for `SCMP_CMP_MASKED_EQ`. */
  readonly valueTwo?: number | string;
  readonly op: OciSeccompOperator;
}
