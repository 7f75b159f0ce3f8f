import type { ContainerDetails } from "../../containers/container-view.ts";
import type { ContainerOptions, MountOption, ThrottleDevice } from "../../spec/container-options.ts";
import { maskedPaths, readonlyPaths } from "../../core/hidden-paths.ts";
import { asMap, nilMap, slice, withOmitted } from "../template/value.ts";

/**
 * What the user asked of the host, as Docker's API writes it; what was left out has the API's zero values.
 * @see HostConfig in Docker Engine API 1.50
 */
export function hostConfigJson({ options, networkMode }: ContainerDetails) {
  const { resources = {}, namespaces = {}, mounts = [] } = options;
  const tmpfs = mounts.filter((mount) => mount.type === "tmpfs" && mount.origin === undefined);
  // What has no name here stands in Config.Volumes; what another container or the image brought, in Mounts alone.
  const others = mounts.filter((mount) => mount.origin === "mount" || mount.createSource === false);
  const binds = mounts.filter(
    (mount) => mount.type !== "tmpfs" && mount.origin === undefined && mount.createSource !== false && mount.volumeIsAnonymous !== true,
  );
  const json = {
    Binds: slice(binds.map(bindText)),
    ContainerIDFile: "",
    LogConfig: logConfigJson(options.log),
    NetworkMode: networkMode,
    PortBindings: asMap({}),
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: options.autoRemove ?? false,
    VolumeDriver: "",
    VolumesFrom: slice(options.volumesFrom),
    ...(others.length === 0 ? {} : { Mounts: others.map(mountJson) }),
    ConsoleSize: [0, 0],
    ...(options.annotations === undefined ? {} : { Annotations: asMap(options.annotations) }),
    CapAdd: slice(options.capAdd),
    CapDrop: slice(options.capDrop),
    CgroupnsMode: namespaces.cgroup ?? "private",
    Dns: options.dns ?? [],
    DnsOptions: options.dnsOptions ?? [],
    DnsSearch: options.dnsSearch ?? [],
    ExtraHosts: slice(options.extraHosts),
    GroupAdd: slice(options.groupAdd),
    IpcMode: namespaces.ipc ?? "private",
    Cgroup: "",
    Links: slice(null),
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: namespaces.pid ?? "",
    Privileged: options.privileged ?? false,
    PublishAllPorts: false,
    ReadonlyRootfs: options.readonlyRootfs ?? false,
    SecurityOpt: slice(options.securityOpt),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: asMap(Object.fromEntries(tmpfs.map((mount) => [mount.target, tmpfsText(mount)]))) }),
    UTSMode: namespaces.uts ?? "",
    UsernsMode: namespaces.user ?? "",
    ShmSize: options.shmSizeBytes || 64 * 1024 * 1024,
    ...(options.sysctls === undefined ? {} : { Sysctls: asMap(options.sysctls) }),
    Runtime: "wherry",
    Isolation: "",
    ...resourcesJson(options, resources),
    ...(options.init === undefined ? {} : { Init: options.init }),
    MaskedPaths: hasUnconfinedPaths(options) ? [] : maskedPaths,
    ReadonlyPaths: hasUnconfinedPaths(options) ? [] : readonlyPaths,
  };
  const nothing = nilMap();
  return withOmitted(json, {
    Mounts: slice(null),
    Tmpfs: nothing,
    Sysctls: nothing,
    Annotations: nothing,
    StorageOpt: nothing,
    Init: null,
  });
}

function logConfigJson(limits: ContainerOptions["log"] = {}) {
  const { maxBytes, maxFiles } = limits;
  return {
    Type: maxBytes === 0 ? "none" : "json-file",
    Config: asMap({
      ...(maxBytes === undefined || maxBytes === 0 ? {} : { "max-size": sizeText(maxBytes) }),
      ...(maxFiles === undefined ? {} : { "max-file": String(maxFiles) }),
    }),
  };
}

/** As people write it: in the largest unit that needs no fraction. */
function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value % 1024 === 0 && unit < "kmg".length) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${"kmg".charAt(unit - 1)}`;
}

function resourcesJson(options: ContainerOptions, resources: NonNullable<ContainerOptions["resources"]>) {
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memoryBytes ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: resources.cgroupParent ?? "",
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: (resources.blkioWeightDevice ?? []).map(({ path, rate }) => ({ Path: path, Weight: rate })),
    BlkioDeviceReadBps: throttleJson(resources.blkioDeviceReadBps),
    BlkioDeviceWriteBps: throttleJson(resources.blkioDeviceWriteBps),
    BlkioDeviceReadIOps: throttleJson(resources.blkioDeviceReadIops),
    BlkioDeviceWriteIOps: throttleJson(resources.blkioDeviceWriteIops),
    CpuPeriod: resources.cpuPeriodMicros ?? 0,
    CpuQuota: resources.cpuQuotaMicros ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriodMicros ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeMicros ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    CpusetMems: resources.cpusetMems ?? "",
    Devices: (options.devices ?? []).map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: slice(options.deviceCgroupRules),
    DeviceRequests: slice(null),
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? 0,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? null,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: (options.ulimits ?? []).map((limit) => ({ Name: limit.name, Hard: limit.hard, Soft: limit.soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function throttleJson(devices: readonly ThrottleDevice[] | undefined) {
  return (devices ?? []).map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

function bindText(mount: MountOption): string {
  const modes = [
    ...(mount.readonly === true ? ["ro"] : []),
    ...(mount.volume?.noCopy === true ? ["nocopy"] : []),
    ...(mount.propagation === undefined ? [] : [mount.propagation]),
  ];
  return [mount.source ?? "", mount.target, ...(modes.length === 0 ? [] : [modes.join(",")])].join(":");
}

function mountJson(mount: MountOption) {
  const { readonly, propagation, nonRecursive, volume, subpath, tmpfsSizeBytes, tmpfsMode } = mount;
  const bind = {
    ...(propagation === undefined ? {} : { Propagation: propagation }),
    ...(nonRecursive === undefined ? {} : { NonRecursive: nonRecursive }),
    ...(mount.recursiveReadonly === undefined
      ? {}
      : { [mount.recursiveReadonly === "writable" ? "ReadOnlyNonRecursive" : "ReadOnlyForceRecursive"]: true }),
  };
  const ofVolume = {
    ...(volume?.noCopy === undefined ? {} : { NoCopy: volume.noCopy }),
    ...(volume?.labels === undefined ? {} : { Labels: asMap(volume.labels) }),
    ...(volume?.driver === undefined && volume?.driverOptions === undefined
      ? {}
      : { DriverConfig: { Name: volume.driver ?? "", Options: asMap(volume.driverOptions ?? {}) } }),
    ...(mount.type === "volume" && subpath !== undefined ? { Subpath: subpath } : {}),
  };
  const ofTmpfs = {
    ...(tmpfsSizeBytes === undefined ? {} : { SizeBytes: tmpfsSizeBytes }),
    ...(tmpfsMode === undefined ? {} : { Mode: tmpfsMode }),
  };
  return {
    Type: mount.type,
    ...(mount.source === undefined || mount.volumeIsAnonymous === true ? {} : { Source: mount.source }),
    Target: mount.target,
    ...(readonly === true && mount.type !== "image" ? { ReadOnly: true } : {}),
    ...ifAny("BindOptions", bind),
    ...ifAny("VolumeOptions", ofVolume),
    ...ifAny("TmpfsOptions", ofTmpfs),
    ...(mount.type === "image" && subpath !== undefined ? { ImageOptions: { Subpath: subpath } } : {}),
  };
}

function ifAny(name: string, options: object): object {
  return Object.keys(options).length === 0 ? {} : { [name]: options };
}

function tmpfsText(mount: MountOption): string {
  return [
    ...(mount.readonly === true ? ["ro"] : []),
    ...(mount.options ?? []),
    ...(mount.tmpfsSizeBytes === undefined ? [] : [`size=${mount.tmpfsSizeBytes}`]),
    ...(mount.tmpfsMode === undefined ? [] : [`mode=${mount.tmpfsMode.toString(8)}`]),
  ].join(",");
}

function hasUnconfinedPaths(options: ContainerOptions): boolean {
  return options.privileged === true || (options.securityOpt ?? []).includes("systempaths=unconfined");
}
