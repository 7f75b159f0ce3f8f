import { lstatSync } from "node:fs";
import type { ContainerPath, HostPath } from "../core/brands.ts";
import type { HostFeatures } from "../core/host-features.ts";
import { EngineError } from "../core/engine-error.ts";
import { hookEnvironment } from "../core/fault-settings.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { OciNamespaceType } from "../plan/oci-config.ts";
import type { PlanInput, ProcessReference } from "../plan/plan-input.ts";
import { isProfileLoaded } from "../kernel/apparmor-state.ts";
import { kernelRelease } from "../kernel/kernel-release.ts";
import { type HostClocks, readHostClocks } from "../kernel/host-clocks.ts";
import type { AttachOptions } from "../kernel/process-streams.ts";
import { loadSeccompProgram, type SeccompSource } from "../runtime/seccomp-cache.ts";
import type { AccountFiles } from "../spec/accounts.ts";
import { buildConfig } from "../spec/build-config.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { parseNamespaces } from "../spec/namespaces.ts";
import type { ResolvedProcess } from "../spec/resolve-process.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import { parseSecurityOptions } from "../spec/security-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { findContainer } from "../state/container-table.ts";
import { getImage } from "../state/image-rows.ts";
import type { ContainerHost } from "./container-host.ts";
import { type ContainerPaths, containerPaths } from "./container-paths.ts";
import { fileMounts } from "../runtime/file-mounts.ts";
import { managedDestinations } from "../spec/mounts.ts";
import { findIdRange, nextIdRange } from "./id-range.ts";
import { rootFilesystem } from "./root-filesystem.ts";
import { containerHostname } from "./prepare-container.ts";

const logMaxBytes = 10 * 1024 * 1024;
const logMaxFiles = 3;
const lagBytes = 1024 * 1024;
const ownProfile = "wherry-default";
const hookPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a plan is made from, and what of the defaults this host can't do. */
export type LaunchInput = PlanInput & { readonly warnings: readonly string[] };

/**
 * Everything that the launch plan of a container is made from, as of now. Reads, but changes nothing: `explain` uses it too.
 * @throws {EngineError} INVALID_OPTION, USER_NOT_FOUND, CONTAINER_NOT_RUNNING (a joined container).
 */
export async function launchInput(
  host: ContainerHost,
  row: ContainerRow,
  options: {
    readonly attach?: AttachOptions;
    readonly accounts?: AccountFiles;
    readonly joinsMayBeMissing?: boolean;
    /** Now, when absent. */
    readonly clocks?: HostClocks;
    /** For a process in the running container: its groups are there and have their limits. */
    readonly entering?: boolean;
  },
): Promise<LaunchInput> {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const process = JSON.parse(row.process) as ResolvedProcess;
  const paths = containerPaths(host.root, host.runRoot, row.id);
  const network = networkPaths(host, settings) ?? paths;
  const idBase = settings.namespaces?.user === "auto" ? (findIdRange(host.store, row.id) ?? nextIdRange(host.store)) : null;
  const rootfs = rootFilesystem(host, row, idBase);
  const joins = joinedProcesses(host, settings, options.joinsMayBeMissing ?? false);
  const security = parseSecurityOptions(settings);
  requireProfile(security.apparmor, host.features);
  const needsSources = (settings.mounts ?? []).some(({ type, idmap }) => type === "volume" || type === "image" || idmap !== undefined);
  const sources = needsSources ? (await import("./mount-sources.ts")).mountSources(host, settings, idBase) : null;
  const size = options.attach?.size ?? { rows: 0, columns: 0 };
  const config = buildConfig(settings, process, {
    id: row.id,
    hostname: containerHostname(host.store, row, settings),
    rootPath: paths.upper,
    hosts: network.hosts,
    hostnameFile: network.hostname,
    resolvConf: network.resolvConf,
    accounts: options.accounts ?? recordedAccounts(host, row) ?? (await readAccounts(host.launcher, [paths.upper, ...rootfs.lowers])),
    capabilities: host.features.capabilities,
    idBase,
    joins: Object.fromEntries(Object.entries(joins).map(([kind, process]) => [kind, process.pid])),
    seccomp: null,
    apparmorProfile: apparmorProfile(security.apparmor, host.features),
    clocks: options.clocks ?? readHostClocks(),
    terminal: size,
    ...(sources === null ? {} : { mounts: sources }),
  });
  const cgroups = host.cgroups.plan(row, options.entering === true ? {} : (config.linux?.resources ?? {}), defaultLimits(settings));
  const attach = options.attach;
  const source = seccompSource(security.seccomp, resolveCapabilities(settings, host.features.capabilities));
  const program =
    source === null
      ? undefined
      : await loadSeccompProgram(source, { machine: host.features.architecture, directory: `${host.root}/cache/seccomp` as HostPath });
  return {
    config,
    fileMounts: [...fileMounts(config), ...(sources?.fileSubpaths ?? [])],
    entryMounts: managedDestinations,
    ...(sources === null ? {} : { subpaths: sources.subpaths, layerMounts: sources.layerMounts }),
    rootfs,
    features: host.features,
    cgroups,
    warnings: cgroups.warnings,
    monitor: {
      runDirectory: paths.run,
      logPath: paths.log,
      logMaxBytes: settings.log?.maxBytes ?? logMaxBytes,
      logMaxFiles: settings.log?.maxFiles ?? logMaxFiles,
      attach: {
        stdin: attach?.stdin ?? false,
        stdout: attach?.stdout ?? false,
        stderr: attach?.stderr ?? false,
        claimExit: attach !== undefined,
      },
      openStdin: settings.openStdin ?? false,
      stdinOnce: settings.stdinOnce ?? false,
      listen: true,
      lagBytes,
      exitHook: { argv: [...host.exitHook, row.id], env: [`PATH=${hookPath}`, ...hookEnvironment()] },
    },
    joins,
    terminal: size,
    reaper: settings.init ?? false,
    // Ours does, and so does our filter; of others nothing is known.
    labelAtOnce: config.process?.apparmorProfile === ownProfile && (security.seccomp === "default" || security.seccomp === "unconfined"),
    ...(program === undefined ? {} : { seccompProgram: program }),
  };
}

/** Where the names of a shared network are known: as docker, whoever joins another container's has that one's hosts, hostname and resolv.conf. */
function networkPaths(host: ContainerHost, settings: ContainerOptions): ContainerPaths | undefined {
  const { network } = parseNamespaces(settings.namespaces ?? {});
  if (network.kind !== "container") return undefined;
  return containerPaths(host.root, host.runRoot, findContainer(host.store, network.reference).id);
}

/** The limits that nobody asked for: where the host can't set one, the container starts all the same. */
function defaultLimits({ resources }: ContainerOptions): ReadonlySet<string> {
  const names: string[] = [];
  if (resources?.memorySwapBytes === undefined) names.push("memory.swap");
  return new Set(names);
}

function seccompSource(option: string, capabilities: readonly string[]): SeccompSource | null {
  if (option === "unconfined") return null;
  return option === "default"
    ? { kind: "default", capabilities }
    : { kind: "docker", json: option, capabilities, kernelRelease: kernelRelease() };
}

/** The AppArmor profile that a container runs under; empty for none, as where AppArmor is off. */
export function apparmorProfile(option: string, features: HostFeatures): string {
  if (!features.apparmor || option === "unconfined") return "";
  return option === "" ? (features.apparmorDefault ? ownProfile : "") : option;
}

/** The image's account files as recorded, for a container that has no `/etc` of its own; else null. */
export function recordedAccounts(host: ContainerHost, row: Pick<ContainerRow, "id" | "imageId">): AccountFiles | null {
  if (lstatSync(`${containerPaths(host.root, host.runRoot, row.id).upper}/etc`, { throwIfNoEntry: false }) !== undefined) return null;
  const recorded = getImage(host.store, row.imageId);
  return recorded === undefined ? null : { passwd: recorded.passwd, group: recorded.group };
}

/** `/etc/passwd` and `/etc/group` as the container has them now, looked up in its layers without mounting. */
export async function readAccounts(launcher: string, stack: readonly HostPath[]): Promise<AccountFiles> {
  const { readLayeredFiles } = await import("../layers/lookup.ts");
  const [passwd, group] = readLayeredFiles(launcher, stack, ["/etc/passwd" as ContainerPath, "/etc/group" as ContainerPath]);
  return { passwd: passwd?.toString("utf8") ?? "", group: group?.toString("utf8") ?? "" };
}

/** A profile that was asked for confines the container, or the container does not start. */
function requireProfile(profile: string, features: HostFeatures): void {
  if (profile === "" || profile === "unconfined") return;
  const option = `--security-opt apparmor=${profile}`;
  if (!features.apparmor) throw invalidOption(`${option}: AppArmor is not active on this host (see \`wherry doctor\`)`);
  // Stacks and other namespaces are not in the list.
  if (/^[^:&]+$/.test(profile) && !isProfileLoaded(profile)) {
    throw invalidOption(`${option}: no such profile is loaded; load it with apparmor_parser (aa-status lists those that are)`);
  }
}

function joinedProcesses(
  host: ContainerHost,
  settings: ContainerOptions,
  mayBeMissing: boolean,
): Partial<Record<OciNamespaceType, ProcessReference>> & Record<string, ProcessReference> {
  const choices = parseNamespaces(settings.namespaces ?? {});
  const joins: Record<string, ProcessReference> = {};
  for (const kind of ["network", "pid", "ipc", "uts"] as const) {
    const choice = choices[kind];
    if (choice.kind !== "container") continue;
    const other = findContainer(host.store, choice.reference);
    if (other.status !== "running" && other.status !== "paused" && !mayBeMissing) {
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_NOT_RUNNING",
        message: `cannot join the ${kind} namespace of a non running container: \`${other.name}\` is ${other.status}; start it first`,
      });
    }
    joins[kind] = { pid: other.pid, startTime: other.pidStart };
  }
  return joins;
}
