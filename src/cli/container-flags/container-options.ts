import type { ContainerOptions, NamespaceOptions, ResourceOptions } from "../../spec/container-options.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import type { FlagValues } from "../flags/flag-spec.ts";
import type { containerFlags } from "./container-flag-table.ts";
import { readEnvironment, readLabels, toMap } from "./environment.ts";
import { logLimits } from "./log-flags.ts";
import { readSecurityOptions } from "./security-flag.ts";

export type ContainerFlagValues = FlagValues<typeof containerFlags>;

/**
 * Turns flags and positionals into what the engine takes; the files that flags name are read here. Values are checked by the engine.
 * @throws {EngineError} INVALID_OPTION, CLI_FILE_UNREADABLE, CLI_FLAG_VALUE_INVALID
 */
export async function containerOptions(
  values: ContainerFlagValues,
  given: { readonly positionals: readonly string[]; readonly detach: boolean; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ContainerOptions> {
  const [image = "", ...command] = given.positionals;
  if (given.detach && values.attach.length > 0) throw invalidOption("conflicting options: cannot specify both --attach and --detach");
  const hasMounts = values.volume.length + values.mount.length + values.tmpfs.length > 0;
  const mounts = hasMounts ? (await import("./read-mounts.ts")).readMounts(values) : [];
  const attach = attachedStreams(values, given.detach);
  return {
    image,
    tty: values.tty,
    openStdin: values.interactive,
    stdinOnce: values.interactive && attach.stdin,
    attachStdin: attach.stdin,
    attachStdout: attach.stdout,
    attachStderr: attach.stderr,
    autoRemove: values.rm,
    readonlyRootfs: values["read-only"],
    privileged: values.privileged,
    ...present({
      platform: values.platform,
      // As docker: an empty one, of a variable that is not set, is none.
      name: values.name || undefined,
      command: command.length === 0 ? undefined : command,
      entrypoint: values.entrypoint === undefined ? undefined : [values.entrypoint],
      env: list(readEnvironment({ files: values["env-file"], variables: values.env }, given.env)),
      workingDirectory: values.workdir,
      user: values.user,
      groupAdd: list(values["group-add"]),
      hostname: values.hostname,
      domainname: values.domainname,
      labels: map(readLabels({ files: values["label-file"], labels: values.label })),
      annotations: map(toMap(values.annotation, "annotation")),
      init: values.init,
      stopSignal: values["stop-signal"],
      stopTimeoutSeconds: values["stop-timeout"],
      namespaces: map(namespaceOptions(values)),
      mounts: list(mounts),
      volumesFrom: list(values["volumes-from"]),
      shmSizeBytes: values["shm-size"],
      devices: list(values.device),
      deviceCgroupRules: list(values["device-cgroup-rule"]),
      extraHosts: list(values["add-host"]),
      dns: list(values.dns),
      dnsSearch: list(values["dns-search"]),
      dnsOptions: list(values["dns-option"]),
      capAdd: list(values["cap-add"]),
      capDrop: list(values["cap-drop"]),
      securityOpt: list(readSecurityOptions(values["security-opt"])),
      ulimits: list(values.ulimit),
      oomScoreAdj: values["oom-score-adj"],
      log: map(logLimits(values["log-driver"], values["log-opt"])),
      sysctls: map(toMap(values.sysctl, "sysctl")),
      resources: map(resourceOptions(values)),
    }),
  };
}

/** The streams that the starting client holds: as docker, both outputs unless -a names some, and stdin with -i. */
export function attachedStreams(
  values: Pick<ContainerFlagValues, "attach" | "interactive">,
  detach: boolean,
): { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean } {
  if (detach) return { stdin: false, stdout: false, stderr: false };
  const named = values.attach;
  return {
    stdin: values.interactive || named.includes("stdin"),
    stdout: named.length === 0 || named.includes("stdout"),
    stderr: named.length === 0 || named.includes("stderr"),
  };
}

function namespaceOptions(values: ContainerFlagValues): NamespaceOptions {
  return present({
    network: values.network,
    pid: values.pid,
    ipc: values.ipc,
    uts: values.uts,
    user: values.userns,
    cgroup: values.cgroupns,
    time: values.timens,
  });
}

function resourceOptions(values: ContainerFlagValues): ResourceOptions {
  return present({
    memoryBytes: values.memory,
    memorySwapBytes: values["memory-swap"],
    memoryReservationBytes: values["memory-reservation"],
    memorySwappiness: values["memory-swappiness"],
    oomKillDisable: values["oom-kill-disable"],
    nanoCpus: values.cpus,
    cpuShares: values["cpu-shares"],
    cpuQuotaMicros: values["cpu-quota"],
    cpuPeriodMicros: values["cpu-period"],
    cpuRealtimeRuntimeMicros: values["cpu-rt-runtime"],
    cpuRealtimePeriodMicros: values["cpu-rt-period"],
    cpusetCpus: values["cpuset-cpus"],
    cpusetMems: values["cpuset-mems"],
    pidsLimit: values["pids-limit"],
    blkioWeight: values["blkio-weight"],
    blkioWeightDevice: list(values["blkio-weight-device"]),
    blkioDeviceReadBps: list(values["device-read-bps"]),
    blkioDeviceWriteBps: list(values["device-write-bps"]),
    blkioDeviceReadIops: list(values["device-read-iops"]),
    blkioDeviceWriteIops: list(values["device-write-iops"]),
    cgroupParent: values["cgroup-parent"],
  });
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys whose value is undefined: absent means "the default", and exactOptionalPropertyTypes holds us to it. */
function present<T extends object>(object: T): Present<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Present<T>;
}

function list<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

function map<T extends object>(object: T): T | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
