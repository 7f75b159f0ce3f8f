import type { HostPath } from "../core/brands.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import type { AccountFiles } from "../spec/accounts.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { mergeEnvironment, type ResolvedProcess } from "../spec/resolve-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import type { ExecRequest } from "./exec-request.ts";
import { launchInput, recordedAccounts } from "./launch-input.ts";

/** The container's own input with another process in it: what holds for its first process holds for this one. */
export async function execInput(host: ContainerHost, row: ContainerRow, request: ExecRequest, runDirectory: HostPath): Promise<PlanInput> {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const own = JSON.parse(row.process) as ResolvedProcess;
  const process: ResolvedProcess = {
    ...own,
    entrypoint: null,
    command: request.command,
    env: mergeEnvironment([own.env, request.env ?? []]),
    workingDirectory: request.workingDirectory || own.workingDirectory,
    user: request.user ?? own.user,
  };
  const options: ContainerOptions = { ...settings, tty: request.tty ?? false, ...(request.user === undefined ? {} : { groupAdd: [] }) };
  const derived = { ...row, options: JSON.stringify(options), process: JSON.stringify(process) };
  const accounts = await currentAccounts(host, row);
  const input = await launchInput(host, derived, {
    accounts,
    entering: true,
    ...(request.attach === undefined ? {} : { attach: request.attach }),
  });
  const { config, monitor } = input;
  const capabilities = request.privileged === true ? resolveCapabilities({ privileged: true }, host.features.capabilities) : undefined;
  return {
    ...input,
    config:
      capabilities === undefined || config.process === undefined
        ? config
        : { ...config, process: { ...config.process, capabilities: everywhere(capabilities) } },
    execInto: { pid: row.pid, startTime: row.pidStart },
    reaper: false,
    monitor:
      monitor === null
        ? null
        : {
            ...monitor,
            runDirectory,
            logPath: null,
            openStdin: request.attach?.stdin ?? false,
            stdinOnce: true,
            listen: false,
            exitHook: null,
            attach: { ...monitor.attach, claimExit: false },
          },
  };
}

function everywhere(names: readonly string[]): {
  bounding: readonly string[];
  effective: readonly string[];
  permitted: readonly string[];
  inheritable: readonly string[];
  ambient: readonly string[];
} {
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

/** The image's account files as recorded, unless the container has an `/etc` of its own; then those that it has now. */
async function currentAccounts(host: ContainerHost, row: ContainerRow): Promise<AccountFiles> {
  const recorded = recordedAccounts(host, row);
  if (recorded !== null) return recorded;
  const { encodeText } = await import("../core/byte-string.ts");
  const { readFileIn } = await import("../kernel/read-file-in.ts");
  const read = (path: string) => readFileIn(host.launcher, `/proc/${row.pid}/root` as HostPath, encodeText(path)).toString("utf8");
  return { passwd: read("etc/passwd"), group: read("etc/group") };
}
