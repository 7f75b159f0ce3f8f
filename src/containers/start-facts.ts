import { existsSync } from "node:fs";
import { hookEnvironment } from "../core/fault-settings.ts";
import type { AttachOptions } from "../kernel/process-streams.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ResolvedProcess } from "../spec/resolve-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { rootFilesystem } from "./root-filesystem.ts";

/**
 * All that `launchInput` makes a start's input from, but for the moment, as JSON takes it; null for a start that may depend on more: on
 * devices, other containers, files of the host's. Two starts with the same facts have the same input, so that the plan of one serves the other
 * (`PlanCache.entryOfFacts`) and neither input nor configuration need be made.
 *
 * Sound because of the list below: an option that is not on it (a new one) makes no facts. Those on it are read by `buildConfig` and
 * `launchInput` without a look at anything that is not in the result.
 */
export function startFacts(
  host: ContainerHost,
  row: ContainerRow,
  start: {
    readonly settings: ContainerOptions;
    readonly attach?: AttachOptions;
    /** The account files are known to be the image's. */
    readonly untouched: boolean;
  },
): unknown {
  const { settings, attach } = start;
  for (const [option, value] of Object.entries(settings)) if (value !== false && !selfContained.has(option)) return null;
  for (const [kind, choice] of Object.entries(settings.namespaces ?? {})) if (kind !== "network" || choice !== "none") return null;
  const { volumes } = JSON.parse(row.process) as ResolvedProcess;
  if (volumes.length > 0) return null;
  const { upper } = containerPaths(host.root, host.runRoot, row.id);
  if (!start.untouched && existsSync(`${upper}/etc`)) return null;
  const { layout, path } = host.cgroups.ensureRoot();
  return {
    boot: host.bootId,
    roots: [host.root, host.runRoot],
    features: host.features,
    cgroups: { layout, path },
    hook: [host.exitHook, hookEnvironment()],
    attach: attach === undefined ? null : [attach.stdin, attach.stdout, attach.stderr, attach.size],
    options: { ...settings, platform: undefined, name: undefined, labels: undefined },
    process: row.process,
    // The image's account files are a matter of its layers.
    rootfs: rootFilesystem(host, row, null),
  };
}

/** Options whose effect on the launch is in their value and the facts. */
const selfContained: ReadonlySet<string> = new Set<keyof ContainerOptions>([
  "image",
  "platform",
  "name",
  "command",
  "entrypoint",
  "env",
  "workingDirectory",
  "user",
  "groupAdd",
  "hostname",
  "domainname",
  "labels",
  "annotations",
  "tty",
  "openStdin",
  "stdinOnce",
  "attachStdin",
  "attachStdout",
  "attachStderr",
  "autoRemove",
  "init",
  "stopSignal",
  "stopTimeoutSeconds",
  "namespaces",
  "readonlyRootfs",
  "shmSizeBytes",
  "extraHosts",
  "dns",
  "dnsSearch",
  "dnsOptions",
  "capAdd",
  "capDrop",
  "ulimits",
  "oomScoreAdj",
  "sysctls",
  "log",
]);
