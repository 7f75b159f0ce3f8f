import type { ContainerDetails, MountView } from "../../containers/container-view.ts";
import { asMap } from "../template/value.ts";
import { dockerTime } from "./docker-time.ts";
import { hostConfigJson } from "./host-config-json.ts";

/**
 * A container as Docker's API describes it (`GET /containers/{id}/json`), keys in Docker's order. Maps of users' names (labels, sysctls) have no
 * prototype, so that templates tell them from structs.
 * @see ContainerInspectResponse in Docker Engine API 1.50
 */
export function containerJson(container: ContainerDetails) {
  const { process, paths, options } = container;
  return {
    Id: container.id,
    Created: dockerTime(container.createdAt),
    Path: process.path,
    Args: process.args,
    State: stateJson(container),
    Image: container.imageId,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: paths.log,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: container.layerDriver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: container.apparmorProfile,
    ExecIDs: container.execIds.length === 0 ? null : container.execIds,
    HostConfig: hostConfigJson(container),
    GraphDriver: {
      Data: asMap({
        LowerDir: paths.lowers.join(":"),
        MergedDir: "",
        UpperDir: paths.upper,
        WorkDir: paths.work,
      }),
      Name: container.layerDriver,
    },
    ...(container.sizeRwBytes === undefined ? {} : { SizeRw: container.sizeRwBytes }),
    ...(container.sizeRootFsBytes === undefined ? {} : { SizeRootFs: container.sizeRootFsBytes }),
    Mounts: container.mounts.map(mountJson),
    Config: {
      Hostname: container.hostname,
      Domainname: options.domainname ?? "",
      User: process.user,
      AttachStdin: options.attachStdin ?? false,
      AttachStdout: options.attachStdout ?? false,
      AttachStderr: options.attachStderr ?? false,
      ...(process.exposedPorts.length === 0 ? {} : { ExposedPorts: emptyObjects(process.exposedPorts) }),
      Tty: options.tty ?? false,
      OpenStdin: options.openStdin ?? false,
      StdinOnce: options.stdinOnce ?? false,
      Env: process.env,
      Cmd: process.command,
      Image: container.image,
      Volumes: process.volumes.length === 0 ? null : emptyObjects(process.volumes),
      WorkingDir: process.workingDirectory,
      Entrypoint: process.entrypoint,
      OnBuild: null,
      Labels: asMap(container.labels),
      // The API leaves out what nobody has said.
      ...(process.stopSignal === "" ? {} : { StopSignal: process.stopSignal }),
      ...(options.stopTimeoutSeconds === undefined ? {} : { StopTimeout: options.stopTimeoutSeconds }),
    },
    NetworkSettings: networkSettingsJson(container),
  };
}

function stateJson(container: ContainerDetails) {
  return {
    Status: container.status,
    // As docker: a paused container counts as running.
    Running: container.status === "running" || container.status === "paused",
    Paused: container.status === "paused",
    Restarting: false,
    OOMKilled: container.oomKilled,
    Dead: container.status === "dead",
    Pid: container.pid,
    ExitCode: container.exitCode ?? 0,
    Error: container.error,
    StartedAt: dockerTime(container.startedAt),
    FinishedAt: dockerTime(container.finishedAt),
  };
}

function mountJson(mount: MountView) {
  return {
    Type: mount.type,
    ...(mount.name === "" ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === "" ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  };
}

/** Only what there is: no bridge yet, so no addresses. */
function networkSettingsJson(container: ContainerDetails) {
  const none = {
    EndpointID: "",
    Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    MacAddress: "",
  };
  const mode = container.networkMode;
  const networks = mode.startsWith("container:")
    ? {}
    : { [mode]: { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null, GwPriority: 0, NetworkID: "", ...none, DNSNames: null } };
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: container.pid === 0 ? "" : `/proc/${container.pid}/ns/net`,
    Ports: asMap({}),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...none,
    Networks: asMap(networks),
  };
}

/** Go's `map[string]struct{}`. */
export function emptyObjects(names: readonly string[]): Record<string, object> {
  return asMap(Object.fromEntries(names.map((name) => [name, {}])));
}
