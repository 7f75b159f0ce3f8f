import type { HostPath } from "../core/brands.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import type { CgroupPlan, ContainerIdentity, MonitorInput, PlanInput, ProcessReference, UnprivilegedStart } from "../plan/plan-input.ts";
import { readBundleFeatures } from "./bundle-features.ts";
import type { ConsoleSocket } from "./console-socket.ts";
import { withSettledEnvironment } from "./environment-order.ts";
import { fileMounts } from "./file-mounts.ts";
import { lookUpHost } from "./host-lookups.ts";
import { loadExtensions } from "./load-extensions.ts";
import { loadSeccompProgram } from "./seccomp-cache.ts";

export interface BundleInputRequest {
  readonly config: OciConfig;
  readonly identity: ContainerIdentity;
  readonly rootfs: HostPath;
  /** Where a process that stays in the foreground leaves its record; null for one that is let go. */
  readonly monitorDirectory: HostPath | null;
  readonly startWait?: { readonly start: HostPath; readonly reply: HostPath };
  readonly consoleSocket?: ConsoleSocket | null;
  readonly execInto?: ProcessReference;
  /** Null for the host's root. */
  readonly unprivileged: UnprivilegedStart | null;
  /** Where compiled filters are kept; null: nowhere. */
  readonly seccompCache: HostPath | null;
  readonly options: BundleOptions;
}

/** What is the caller's to say, and not the configuration's. */
export interface BundleOptions {
  readonly noPivot?: boolean;
  /** No session keyring of the container's own. */
  readonly noNewKeyring?: boolean;
  /** How many descriptors from 3 on the process gets. */
  readonly preservedDescriptors?: number;
  /** How many of them are listening sockets of a service manager's, told by LISTEN_FDS. */
  readonly activatedDescriptors?: number;
  /** Of the caller's terminal; `process.consoleSize` goes before. */
  readonly terminalSize?: { readonly rows: number; readonly columns: number };
}

/** What the host says to a configuration. Cheap to find out, and different each time, for all that a plan's memory knows. */
export type HostLook = Pick<
  PlanInput,
  "callerProcessors" | "clientPid" | "netDevices" | "resctrl" | "joinedMappings" | "fileMounts" | "features"
>;

/** @throws {EngineError} CONFIG_INVALID, HOST_PROGRAM_MISSING, KERNEL_TOO_OLD, ARCHITECTURE_UNSUPPORTED */
export async function lookAtHost({ config, rootfs, identity, execInto, unprivileged }: BundleInputRequest): Promise<HostLook> {
  return {
    ...(await lookUpHost(config)),
    fileMounts: execInto === undefined ? fileMounts(config, identity.bundle) : [],
    features: readBundleFeatures(rootfs, { becomesRoot: (unprivileged?.enter ?? null) !== null }),
  };
}

/**
 * All that `bundleInput` makes an input from, for comparison with that of an earlier container (BundleMemory): two that are equal but for names
 * give plans that are equal but for names, and the order of the environment. Null for what no other will be equal to: a console's socket of any name, the caller's
 * descriptors, a process that keeps a user namespace for this container alone.
 */
export function bundleFacts(request: BundleInputRequest, look: HostLook, cgroups: object): object | null {
  const { config, identity, consoleSocket = null, ...others } = request;
  if (consoleSocket?.isLink === false || look.clientPid !== undefined) return null;
  if (others.execInto === undefined && others.unprivileged?.enter?.kind === "process") return null;
  return {
    config: withoutUnreadAnnotations(withSettledEnvironment(config)),
    id: identity.id,
    console: consoleSocket?.path ?? null,
    bundle: identity.bundle,
    ...others,
    look,
    cgroups,
  };
}

/** A plan has them in the states that hooks and agents are given, and nowhere else; podman writes the time into one. */
function withoutUnreadAnnotations(config: OciConfig): OciConfig {
  const { annotations: _, ...others } = config;
  const { hooks = {}, linux } = config;
  const isRead = Object.values(hooks).some((list) => (list?.length ?? 0) > 0) || linux?.seccomp?.listenerPath !== undefined;
  return isRead ? config : others;
}

/** What a plan for a bundle's container, or a further process in it, is made from. @throws {EngineError} SECCOMP_INVALID, SECCOMP_UNSUPPORTED */
export async function bundleInput(request: BundleInputRequest, look: HostLook, cgroups: CgroupPlan): Promise<PlanInput> {
  const { config, rootfs, identity, startWait, consoleSocket = null, execInto } = request;
  const { features } = look;
  const extensions = await loadExtensions(config);
  const profile = config.linux?.seccomp;
  const size = config.process?.consoleSize;
  const isTerminal = config.process?.terminal === true;
  return {
    config: withActivation(config, request.options.activatedDescriptors ?? 0),
    identity: { id: identity.id, bundle: identity.bundle },
    ...(extensions === undefined ? {} : { extensions }),
    ...look,
    rootfs: { kind: "bundle", path: rootfs },
    cgroups,
    monitor: request.monitorDirectory === null ? null : foreground(request.monitorDirectory, isTerminal && consoleSocket === null),
    joins: {},
    terminal: size === undefined ? (request.options.terminalSize ?? { rows: 0, columns: 0 }) : { rows: size.height, columns: size.width },
    reaper: false,
    inheritStdio: true,
    noPivot: request.options.noPivot ?? false,
    keepKeyring: request.options.noNewKeyring ?? false,
    preservedDescriptors: request.options.preservedDescriptors ?? 0,
    ...(profile === undefined
      ? {}
      : {
          seccompProgram: await loadSeccompProgram(
            { kind: "oci", profile },
            { machine: features.architecture, directory: request.seccompCache },
          ),
        }),
    ...(request.unprivileged === null ? {} : { unprivileged: request.unprivileged }),
    ...(startWait === undefined ? {} : { startWait }),
    ...(consoleSocket === null ? {} : { consoleSocket: consoleSocket.path, consoleSocketName: consoleSocket.name }),
    ...(execInto === undefined ? {} : { execInto }),
  };
}

/** The process has the caller's own streams, or a terminal whose other side the monitor holds; all that is awaited is its end. */
function foreground(runDirectory: HostPath, terminal: boolean): MonitorInput {
  return {
    runDirectory,
    logPath: null,
    logMaxBytes: 0,
    logMaxFiles: 0,
    attach: { stdin: terminal, stdout: terminal, stderr: false, claimExit: true },
    openStdin: terminal,
    stdinOnce: false,
    listen: false,
    lagBytes: 1024 * 1024,
    exitHook: null,
  };
}

/** The process is told of its sockets as sd_listen_fds(3) wants it. */
function withActivation(config: OciConfig, count: number): OciConfig {
  if (count === 0 || config.process === undefined) return config;
  return { ...config, process: { ...config.process, env: [...(config.process.env ?? []), `LISTEN_FDS=${count}`, "LISTEN_PID=1"] } };
}
