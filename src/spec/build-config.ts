import { maskedPaths, readonlyPaths } from "../core/hidden-paths.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { OciConfig, OciIdMapping, OciNamespace, OciNamespaceType, OciRlimit, OciSeccomp } from "../plan/oci-config.ts";
import type { AccountFiles } from "./accounts.ts";
import { resolveUser } from "./accounts.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { refuseConflicts } from "./conflicts.ts";
import type { ContainerOptions, UlimitOption } from "./container-options.ts";
import { buildDevices } from "./devices.ts";
import { mergeEnvironment } from "./resolve-process.ts";
import type { ResolvedProcess } from "./resolve-process.ts";
import { buildMounts, type MountContext } from "./mounts.ts";
import { parseNamespaces } from "./namespaces.ts";
import { buildResources } from "./resources.ts";
import { parseSecurityOptions } from "./security-options.ts";
import { buildSysctls } from "./sysctls.ts";
import { zeroClocks } from "./zero-clocks.ts";

/** The facts, beyond options and image, that a container's configuration is made from. */
export interface ConfigContext {
  readonly id: string;
  readonly hostname: string;
  readonly rootPath: string;
  readonly hosts: string;
  readonly hostnameFile: string;
  readonly resolvConf: string;
  readonly accounts: AccountFiles;
  /** Our bounding set. */
  readonly capabilities: bigint;
  /** First host id of the container's range of 65,536, for `--userns auto`. */
  readonly idBase: number | null;
  /** A container whose namespaces are joined: its init's pid, by kind. */
  readonly joins: Readonly<Partial<Record<OciNamespaceType, number>>>;
  readonly seccomp: OciSeccomp | null;
  /** Empty: none. */
  readonly apparmorProfile: string;
  /** Host clocks at this moment, for a time namespace whose clocks start at zero. */
  readonly clocks: { readonly monotonicSeconds: number; readonly boottimeSeconds: number };
  readonly terminal: { readonly rows: number; readonly columns: number };
  /** What the options' mounts name. */
  readonly mounts?: Pick<MountContext, "found" | "idMaps">;
}

export const idRangeSize = 65_536;

/**
 * The OCI configuration of a container: what docker's daemon would hand to its runtime, from checked options. Pure but for
 * looking up the devices that the options name.
 * @throws {EngineError} INVALID_OPTION, USER_NOT_FOUND.
 */
export function buildConfig(options: ContainerOptions, process: ResolvedProcess, context: ConfigContext): OciConfig {
  const choices = parseNamespaces(options.namespaces ?? {});
  refuseConflicts(options, choices);
  const security = parseSecurityOptions(options);
  const user = resolveUser(process.user, options.groupAdd ?? [], context.accounts);
  const capabilities = resolveCapabilities(options, context.capabilities);
  const { devices, rules } = buildDevices(options);
  const userNamespace = choices.user.kind === "own";
  const mappings: OciIdMapping[] = context.idBase === null ? [] : [{ containerID: 0, hostID: context.idBase, size: idRangeSize }];
  const env = mergeEnvironment([
    [`HOSTNAME=${context.hostname}`, ...(options.tty === true ? ["TERM=xterm"] : [])],
    process.env.some((entry) => entry.startsWith("HOME=") && entry !== "HOME=") ? [] : [`HOME=${user.home}`],
    // As with runc, an empty one is none.
    process.env.filter((entry) => entry !== "HOME="),
  ]);
  const open = security.systemPathsUnconfined;
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: options.tty ?? false,
      consoleSize: { height: context.terminal.rows, width: context.terminal.columns },
      cwd: process.workingDirectory,
      env,
      args: [...(process.entrypoint ?? []), ...(process.command ?? [])],
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities, inheritable: [], ambient: [] },
      rlimits: (options.ulimits ?? []).map(toRlimit),
      noNewPrivileges: security.noNewPrivileges,
      ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: checkOomScore(options.oomScoreAdj) }),
      ...(context.apparmorProfile === "" ? {} : { apparmorProfile: context.apparmorProfile }),
    },
    root: { path: context.rootPath, readonly: options.readonlyRootfs ?? false },
    ...(choices.uts.kind === "own" ? { hostname: context.hostname } : {}),
    ...(choices.uts.kind === "own" && options.domainname ? { domainname: options.domainname } : {}),
    mounts: buildMounts(options, {
      hosts: context.hosts,
      hostname: context.hostnameFile,
      resolvConf: context.resolvConf,
      userNamespace,
      joinedShm: context.joins.ipc === undefined ? null : `/proc/${context.joins.ipc}/root/dev/shm`,
      ...context.mounts,
    }),
    annotations: options.annotations ?? {},
    linux: {
      namespaces: namespaceList(context, choices),
      uidMappings: mappings,
      gidMappings: mappings,
      devices,
      resources: buildResources(options, rules),
      cgroupsPath: context.id,
      rootfsPropagation: "private",
      sysctl: buildSysctls(options, choices),
      maskedPaths: open ? [] : maskedPaths,
      readonlyPaths: open ? [] : readonlyPaths,
      ...(context.seccomp === null ? {} : { seccomp: context.seccomp }),
      ...(choices.time.kind === "own" ? { timeOffsets: zeroClocks(context.clocks) } : {}),
    },
  };
}

function namespaceList(context: ConfigContext, choices: ReturnType<typeof parseNamespaces>): OciNamespace[] {
  const list: OciNamespace[] = [{ type: "mount" }];
  const file = { network: "net" } as Record<string, string>;
  for (const type of ["uts", "ipc", "pid", "network", "user", "cgroup", "time"] as const) {
    const choice = choices[type];
    if (choice.kind === "own") list.push({ type });
    else if (choice.kind === "container") list.push({ type, path: `/proc/${context.joins[type] ?? 0}/ns/${file[type] ?? type}` });
  }
  return list;
}

const limitNames = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack as".split(" ");

function toRlimit(limit: UlimitOption): OciRlimit {
  if (!limitNames.includes(limit.name)) throw invalidOption(`invalid ulimit type: ${limit.name}; one of ${limitNames.join(", ")} is meant`);
  const value = (amount: number) => (amount < 0 ? Number.MAX_SAFE_INTEGER * 2048 : amount);
  if (limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard))
    throw invalidOption(`ulimit soft limit must be less than or equal to hard limit: ${limit.soft} > ${limit.hard}`);
  return { type: `RLIMIT_${limit.name.toUpperCase()}`, soft: value(limit.soft), hard: value(limit.hard) };
}

function checkOomScore(score: number): number {
  if (!Number.isInteger(score) || score < -1000 || score > 1000)
    throw invalidOption(`invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  return score;
}
