import type { HostPath } from "../core/brands.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import type { CgroupPlan, ContainerIdentity, MonitorInput, PlanInput, ProcessReference } from "../plan/plan-input.ts";
import { readBundleFeatures } from "./bundle-features.ts";
import { fileMounts } from "./file-mounts.ts";
import { lookUpHost } from "./host-lookups.ts";
import { loadExtensions } from "./load-extensions.ts";
import { loadSeccompProgram } from "./seccomp-cache.ts";

const seccompCache = "/var/cache/wherry/seccomp" as HostPath;

export interface BundleInputRequest {
  readonly config: OciConfig;
  readonly identity: ContainerIdentity;
  readonly rootfs: HostPath;
  readonly cgroups: CgroupPlan;
  /** Where a process that stays in the foreground leaves its record; null for one that is let go. */
  readonly monitorDirectory: HostPath | null;
  readonly startWait?: { readonly start: HostPath; readonly reply: HostPath };
  readonly consoleSocket?: HostPath;
  readonly execInto?: ProcessReference;
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

/** What a plan for a bundle's container, or a further process in it, is made from. @throws {EngineError} SECCOMP_INVALID, SECCOMP_UNSUPPORTED */
export async function bundleInput(request: BundleInputRequest): Promise<PlanInput> {
  const { config, rootfs, startWait, consoleSocket, execInto } = request;
  const features = readBundleFeatures(rootfs);
  const extensions = await loadExtensions(config);
  const profile = config.linux?.seccomp;
  const size = config.process?.consoleSize;
  const isTerminal = config.process?.terminal === true;
  return {
    config: withActivation(config, request.options.activatedDescriptors ?? 0),
    identity: request.identity,
    ...(extensions === undefined ? {} : { extensions }),
    ...(await lookUpHost(config)),
    fileMounts: execInto === undefined ? fileMounts(config, request.identity.bundle) : [],
    rootfs: { kind: "bundle", path: rootfs },
    features,
    cgroups: request.cgroups,
    monitor: request.monitorDirectory === null ? null : foreground(request.monitorDirectory, isTerminal && consoleSocket === undefined),
    joins: {},
    terminal: size === undefined ? (request.options.terminalSize ?? { rows: 0, columns: 0 }) : { rows: size.height, columns: size.width },
    reaper: false,
    inheritStdio: true,
    clientPid: process.pid,
    noPivot: request.options.noPivot ?? false,
    keepKeyring: request.options.noNewKeyring ?? false,
    preservedDescriptors: request.options.preservedDescriptors ?? 0,
    ...(profile === undefined
      ? {}
      : {
          seccompProgram: await loadSeccompProgram({ kind: "oci", profile }, { machine: features.architecture, directory: seccompCache }),
        }),
    ...(startWait === undefined ? {} : { startWait }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
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
