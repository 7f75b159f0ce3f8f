import { rmSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { parseSignal } from "../core/signals.ts";
import type { ProcessStreams } from "../kernel/process-streams.ts";
import { isEnding } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import { startProcess } from "../runtime/start-process.ts";
import type { AccountFiles } from "../spec/accounts.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { mergeEnvironment, type ResolvedProcess } from "../spec/resolve-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { makeExecDirectory } from "./exec-directory.ts";
import type { ExecRequest } from "./exec-request.ts";
import { unknownExitCode } from "./finish-container.ts";
import { streamsOf } from "./follow-process.ts";
import { launchInput, recordedAccounts } from "./launch-input.ts";
import { notRunning } from "./require-status.ts";
import { exitCodeOf } from "./run-record.ts";

/**
 * Starts a process in a running container, with a monitor of its own. Detached, it resolves once exec succeeded.
 * @throws {EngineError} CONTAINER_NOT_RUNNING (it has just ended), COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, USER_NOT_FOUND, INVALID_OPTION.
 */
export async function execInContainer(host: ContainerHost, row: ContainerRow, request: ExecRequest): Promise<ProcessStreams> {
  if (request.command.length === 0) throw invalidOption("No exec command specified");
  const execDirectory = makeExecDirectory(host, row);
  const clear = () => rmSync(execDirectory, { recursive: true, force: true });
  try {
    const input = await execInput(host, row, request, execDirectory);
    const started = await startProcess(input, {
      launcher: host.launcher,
      label: row.id,
      tty: request.tty ?? false,
      remember: host.planCache?.entry(input, [row.id, execDirectory.slice(execDirectory.lastIndexOf("/") + 1)]),
      ...(request.attach === undefined ? {} : { attach: request.attach }),
    });
    const kill = (signal: string) => sendSignal(host.launcher, { pid: started.pid, startTime: started.startTime }, parseSignal(signal));
    const { connection } = started;
    if (request.attach === undefined) {
      started.release();
      return streamsOf(connection, { tty: started.tty, exited: Promise.resolve(null), kill });
    }
    const exited = connection.ended.then((end) => {
      if (end === null && connection.closed) return null;
      clear();
      // Killed, and what it monitored with it.
      if (end === null) return unknownExitCode;
      connection.close();
      return exitCodeOf(end.waitStatus);
    });
    return streamsOf(connection, { tty: started.tty, exited, kill });
  } catch (error) {
    clear();
    // It loses its files and namespaces before it is seen to be dead: whatever it was that failed then, this is why.
    throw isEnding({ pid: row.pid, startTime: row.pidStart }) ? notRunning(row, "exec in") : error;
  }
}

/** The container's own input with another process in it: what holds for its first process holds for this one. */
async function execInput(host: ContainerHost, row: ContainerRow, request: ExecRequest, runDirectory: HostPath): Promise<PlanInput> {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const own = JSON.parse(row.process) as ResolvedProcess;
  const process: ResolvedProcess = {
    ...own,
    entrypoint: null,
    command: request.command,
    env: mergeEnvironment([own.env, request.env ?? []]),
    workingDirectory: request.workingDirectory ?? own.workingDirectory,
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
