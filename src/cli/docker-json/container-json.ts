import type { ContainerDetails, MountView } from "../../containers/container-view.ts";
import { asMap, nilMap, slice, withOmitted } from "../template/value.ts";
import { dockerTime } from "./docker-time.ts";
import { hostConfigJson } from "./host-config-json.ts";

/**
 * A container as Docker's API describes it (`GET /containers/{id}/json`), keys in Docker's order. Maps of users' names (labels, sysctls) have no
 * prototype, so that templates tell them from structs.
 * @see ContainerInspectResponse in Docker Engine API 1.50
 */
export function containerJson(container: ContainerDetails) {
  const { process, paths } = container;
  const json = {
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
    ExecIDs: slice(container.execIds),
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
    Config: configJson(container),
    NetworkSettings: networkSettingsJson(container),
  };
  return withOmitted(json, { SizeRw: null, SizeRootFs: null });
}

function configJson(container: ContainerDetails) {
  const { process, options } = container;
  const config = {
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
    Cmd: slice(process.command),
    Image: container.image,
    Volumes: process.volumes.length === 0 ? nilMap() : emptyObjects(process.volumes),
    WorkingDir: process.workingDirectory,
    Entrypoint: slice(process.entrypoint),
    OnBuild: slice(null),
    Labels: asMap(container.labels),
    // The API leaves out what nobody has said.
    ...(process.stopSignal === "" ? {} : { StopSignal: process.stopSignal }),
    ...(options.stopTimeoutSeconds === undefined ? {} : { StopTimeout: options.stopTimeoutSeconds }),
  };
  return withOmitted(config, {
    ExposedPorts: nilMap(),
    Healthcheck: null,
    ArgsEscaped: false,
    NetworkDisabled: false,
    MacAddress: "",
    StopSignal: "",
    StopTimeout: null,
    Shell: slice(null),
  });
}

function stateJson(container: ContainerDetails) {
  const state = {
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
  return withOmitted(state, { Health: null });
}

function mountJson(mount: MountView) {
  const found = {
    Type: mount.type,
    ...(mount.name === "" ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === "" ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  };
  return withOmitted(found, { Name: "", Driver: "" });
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
    : {
        [mode]: {
          IPAMConfig: null,
          Links: slice(null),
          Aliases: slice(null),
          DriverOpts: nilMap(),
          GwPriority: 0,
          NetworkID: "",
          ...none,
          DNSNames: slice(null),
        },
      };
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: container.pid === 0 ? "" : `/proc/${container.pid}/ns/net`,
    Ports: asMap({}),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: slice(null),
    SecondaryIPv6Addresses: slice(null),
    ...none,
    Networks: asMap(networks),
  };
}

/** Go's `map[string]struct{}`. */
export function emptyObjects(names: readonly string[]): Record<string, object> {
  return asMap(Object.fromEntries(names.map((name) => [name, {}])));
}
