import type { HostPath } from "../core/brands.ts";
import type { HostFeatures } from "../core/host-features.ts";
import type { OciConfig, OciIdMapping } from "./oci-config.ts";
import type { PlanExtensions } from "./plan-extensions.ts";

/** A process elsewhere whose namespaces are joined; the start time guards against a reused pid. */
export interface ProcessReference {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/pid/stat. */
  readonly startTime: bigint;
}

/** How the root file system is put together. `bundle`: a plain directory, as in an OCI bundle. */
export type RootFilesystem =
  | { readonly kind: "bundle"; readonly path: HostPath }
  | {
      readonly kind: "overlay";
      /** Read-only layer directories, top first; at least one. */
      readonly lowers: readonly HostPath[];
      readonly upper: HostPath;
      readonly work: HostPath;
      /** Holds short symbolic links `0`, `1`, … to `lowers`, for kernels whose overlayfs takes one `lowerdir` string (before `lowerdir+`). */
      readonly links: HostPath;
      /** What is written need not survive a power cut (`--rm`): no sync when it is unmounted or the process asks for one. Can be mounted once only. */
      readonly volatile?: boolean;
    };

export type { HostFeatures };

/** One write to a cgroup file, relative to the container's directory in one hierarchy. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
  /** errno names whose failure is a warning instead of an error (a default that this host can't set). */
  readonly ignore?: readonly ("EPERM" | "ENOENT" | "EACCES" | "EINVAL" | "EOPNOTSUPP" | "EBUSY" | "EIO")[];
}

/** The container's place in one mounted hierarchy, and what is written there before the process joins. */
export interface CgroupPlacement {
  /**
   * Made and written before the container's own directory, outermost first: directories above or beside it that need values
   * before they can be used (v1: cpuset.cpus and cpuset.mems; v2: cgroup.subtree_control).
   */
  readonly prepare?: readonly { readonly directory: HostPath; readonly writes: readonly CgroupWrite[] }[];
  /** Absolute directory of the container in this hierarchy, e.g. `/sys/fs/cgroup/memory/wherry-1a2b/ID`. */
  readonly directory: HostPath;
  readonly version: 1 | 2;
  readonly writes: readonly CgroupWrite[];
  /** Where the launcher itself moves to, e.g. `/sys/fs/cgroup/memory/wherry-1a2b/monitors`; it exists. */
  readonly monitorDirectory: HostPath;
}

export interface CgroupPlan {
  readonly placements: readonly CgroupPlacement[];
  /** The launcher stays where its caller has put it: what is in `monitorDirectory` is the caller's own cgroup. */
  readonly launcherStays?: boolean;
  /** The v2 placement's device program (raw eBPF), loaded by the launcher; absent on v1, where it is writes. */
  readonly deviceProgram?: Uint8Array;
}

/** What the monitor does after exec; absent for an OCI runtime's `create` (detach). */
export interface MonitorInput {
  readonly runDirectory: HostPath;
  readonly logPath: HostPath | null;
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
  /** What the starting client on descriptor 3 wants. */
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean; readonly claimExit: boolean };
  /** Keep the process's stdin open (a pipe or the terminal); otherwise it is /dev/null. */
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly listen: boolean;
  readonly lagBytes: number;
  readonly exitHook: { readonly argv: readonly string[]; readonly env: readonly string[] } | null;
}

/** What a launcher that is not the host's root starts with. */
export interface UnprivilegedStart {
  /**
   * The user namespace that it enters, whose root its user is: the one that the configuration asks for. `new`: made by itself, with one id of
   * each kind. Null: it is in one already, as its root; what the configuration asks for is another beneath.
   */
  readonly enter:
    | { readonly kind: "new"; readonly uid: readonly OciIdMapping[]; readonly gid: readonly OciIdMapping[] }
    | ({ readonly kind: "process" } & ProcessReference)
    | { readonly kind: "path"; readonly path: string }
    | null;
  /** Whether setgroups(2) is allowed in there. @see user_namespaces(7) */
  readonly setgroups: boolean;
  /** The host has cgroup v2 alone, so that a container can mount its own even where it was put into none. */
  readonly unifiedCgroups: boolean;
}

/** All that a plan is made from. The compiler looks at nothing else: no file, no environment, no clock. */
export interface PlanInput {
  readonly config: OciConfig;
  /** Destinations of those bind mounts whose source is not a directory (the caller has looked): their targets are made as files. */
  readonly fileMounts: readonly string[];
  /** Destinations of such mounts that take the place of whatever has that name, be it a symbolic link: none is followed in the last component. */
  readonly entryMounts?: readonly string[];
  /** By destination: a path beneath the bind's source, or the overlay's root, that is mounted in its place; it is found without leaving that. */
  readonly subpaths?: Readonly<Record<string, string>>;
  /** By destination: the layers, top first, that a mount of type overlay shows read-only. */
  readonly layerMounts?: Readonly<Record<string, readonly HostPath[]>>;
  readonly rootfs: RootFilesystem;
  readonly features: HostFeatures;
  readonly cgroups: CgroupPlan | null;
  readonly monitor: MonitorInput | null;
  /** `linux.namespaces[].path` of the form `/proc/PID/ns/KIND` is joined through these, by kind. */
  readonly joins: Readonly<Record<string, ProcessReference>>;
  /** The mappings of a user namespace that is joined, when the configuration does not repeat them. */
  readonly joinedMappings?: { readonly uid: readonly OciIdMapping[]; readonly gid: readonly OciIdMapping[] };
  /** Whom a mount source of the form `/proc/self/fd/N` means: the process that passed its descriptors to us, or we ourselves. It must wait for the start. */
  readonly clientPid?: number;
  /** Processors that the caller is bound to, as cpuset(7) writes lists: where `process.execCPUAffinity` changes them for a moment, the launcher goes back to these. */
  readonly callerProcessors?: string;
  /** chroot(2) instead of pivot_root(2), for a host whose root is the initial ramdisk; the host's files stay below. */
  readonly noPivot?: boolean;
  /** What `linux.netDevices` names, as it is on the host, by name; one that isn't there is missing here. */
  readonly netDevices?: Readonly<Record<string, HostNetDevice>>;
  /** Where resctrl is mounted; null or absent: nowhere. */
  readonly resctrl?: HostPath | null;
  /** Terminal size at start. */
  readonly terminal: { readonly rows: number; readonly columns: number };
  /** `--init`. */
  readonly reaper: boolean;
  /** The process gets the launcher's own descriptors 0 to 2, which are its caller's, in place of pipes to the monitor. */
  readonly inheritStdio?: boolean;
  /** So many further descriptors of its caller's, from 3 on, are passed on to the process; the launcher has them from 4 on. */
  readonly preservedDescriptors?: number;
  /** The process stays in its caller's session keyring instead of one of its own. */
  readonly keepKeyring?: boolean;
  /**
   * An OCI runtime's `create`: the process waits, all set up, until somebody writes a byte to the FIFO `start` (made by the plan), and what
   * fails afterwards is written to the FIFO `reply`, as the launcher's ERROR frames. Without a monitor only.
   */
  readonly startWait?: { readonly start: HostPath; readonly reply: HostPath };
  /** A listening socket that is sent the terminal's master side, as runc's callers expect it. */
  readonly consoleSocket?: HostPath;
  /** What its caller calls that, for messages: it may have been linked to. */
  readonly consoleSocketName?: HostPath;
  /** Whether the AppArmor profile lets the launcher do what is left after CAPSET (openat2, write, execve), so that it can be set before the exec. */
  readonly labelAtOnce?: boolean;
  /** The filter, compiled (compile-seccomp.ts, or from the cache): needed when `config.linux.seccomp` is there, and enough without it. */
  readonly seccompProgram?: { readonly program: Uint8Array; readonly flags: number };
  /** Points (`createRuntime`) at which the launcher tells the child's pid and awaits the client's go, before the child's mounts are attached. */
  readonly holds?: readonly string[];
  /**
   * A process in a running container (`exec`): joins all its namespaces instead of making any. `config.linux.namespaces` names those
   * that the container has of its own; `config.process` is the new process. The caller has made sure that the container isn't paused:
   * on cgroup v1 the launcher itself enters the container's cgroups for a moment.
   */
  readonly execInto?: ProcessReference;
  /** Who the container is for others, and what `wherry run` never sets: for configurations that somebody else wrote. */
  readonly identity?: ContainerIdentity;
  /** Absent for the host's root. */
  readonly unprivileged?: UnprivilegedStart;
  /** Compiles the fields that `wherry run` has no option for; without it they are refused. */
  readonly extensions?: PlanExtensions;
}

/** An interface of the host that is to be moved into a container. */
export interface HostNetDevice {
  readonly index: number;
  /** Permanent ones of global scope, 4 or 16 bytes each. */
  readonly addresses: readonly { readonly address: readonly number[]; readonly prefix: number }[];
}

/** What hooks and seccomp agents are told of a container. */
export interface ContainerIdentity {
  readonly id: string;
  /** The directory of the configuration; relative mount sources start here. */
  readonly bundle: HostPath;
}
