import { capabilityName } from "../spec/capabilities.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { defaultStopSignal, type ResolvedProcess } from "../spec/resolve-process.ts";
import { parseSecurityOptions } from "../spec/security-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { summarize } from "./container-summary.ts";
import type { ContainerDetails } from "./container-view.ts";
import { listExecs } from "./exec-directory.ts";
import { apparmorProfile } from "./launch-input.ts";
import { containerHostname } from "./prepare-container.ts";

export const defaultStopTimeoutSeconds = 10;

/** All that `inspect` tells, but for sizes. */
export function detail(host: ContainerHost, row: ContainerRow): ContainerDetails {
  const options = JSON.parse(row.options) as ContainerOptions;
  const process = JSON.parse(row.process) as ResolvedProcess;
  const paths = containerPaths(host.root, host.runRoot, row.id);
  const words = [...(process.entrypoint ?? []), ...(process.command ?? [])];
  return {
    ...summarize(row, host.root),
    options: { ...options, ...namedInFull("capAdd", options.capAdd), ...namedInFull("capDrop", options.capDrop) },
    process: {
      entrypoint: process.entrypoint,
      command: process.command,
      path: words[0] ?? "",
      args: words.slice(1),
      env: process.env,
      workingDirectory: process.workingDirectory,
      user: process.user,
      stopSignal: process.stopSignal === defaultStopSignal ? "" : process.stopSignal,
      exposedPorts: process.exposedPorts,
      volumes: process.volumes,
    },
    pid: row.pid,
    oomKilled: row.oomKilled,
    error: row.error,
    restartCount: 0,
    hostname: containerHostname(host.store, row, options),
    paths: {
      containerDirectory: paths.directory,
      resolvConf: paths.resolvConf,
      hostname: paths.hostname,
      hosts: paths.hosts,
      log: paths.log,
      upper: paths.upper,
      work: paths.work,
      lowers: host.layers.lowers(row.layers),
    },
    cgroupPath: host.cgroups.path(row),
    apparmorProfile: apparmorProfile(parseSecurityOptions(options).apparmor, host.features),
    // What docker calls this way of stacking them; how each is stored, `wherry info` tells.
    layerDriver: "overlay2",
    execIds: listExecs(host, row),
  };
}

/** As docker keeps them, however they were written. */
function namedInFull(key: "capAdd" | "capDrop", names: readonly string[] | undefined): Pick<ContainerOptions, "capAdd" | "capDrop"> {
  return names === undefined ? {} : { [key]: names.map(capabilityName) };
}
