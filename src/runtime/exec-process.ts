import { mkdirSync, rmSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { randomHex } from "../core/random.ts";
import type { OciConfig, OciProcess } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";
import { joinCgroups } from "./bundle-cgroups.ts";
import { bundleFacts, bundleInput, type BundleInputRequest, type BundleOptions, lookAtHost } from "./bundle-input.ts";
import { BundleMemory } from "./bundle-memory.ts";
import { containerGroup } from "./container-group.ts";
import { type ContainerFiles, readCreatedConfig, readRecord } from "./container-record.ts";
import { containerStatus, initProcess } from "./container-status.ts";
import { writePidFile } from "./create-container.ts";
import { notRunning } from "./kill-container.ts";
import type { RuntimeUser } from "./runtime-user.ts";
import { type StartedProcess, startLike } from "./start-process.ts";
import { plainConsoleSocket } from "./console-socket.ts";
import { environmentOrder } from "./environment-order.ts";
import { giveStdio } from "./stdio-owner.ts";
import { EngineError } from "../core/engine-error.ts";
import { unprivilegedEntry } from "./unprivileged-start.ts";

export interface ExecProcessRequest {
  /** Made from the process that the container was created with. */
  readonly process: (own: OciProcess) => OciProcess;
  readonly launcher: HostPath;
  readonly user: RuntimeUser;
  readonly consoleSocket?: HostPath;
  readonly pidFile?: string;
  /** The launcher stays and tells how the process ended; else both are let go. */
  readonly foreground: boolean;
  readonly options: BundleOptions;
  /** Groups beneath the container's that the process is to be in, see `joinCgroups`. */
  readonly subgroups?: ReadonlyMap<string, string>;
  /** Also in a paused container, where it waits until the container is resumed. */
  readonly ignorePaused?: boolean;
}

/** A further process; `clear` removes what it has left in the container's directory, after its end. */
export interface ExecutedProcess extends StartedProcess {
  clear(): void;
}

/**
 * Starts a further process in a container that has been started or created.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED, CONFIG_INVALID, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED
 */
export async function execProcess(files: ContainerFiles, request: ExecProcessRequest): Promise<ExecutedProcess> {
  const record = readRecord(files);
  const status = containerStatus(files, record);
  if (status === "paused" && request.ignorePaused !== true)
    throw new EngineError({ kind: "conflict", code: "CONTAINER_PAUSED", message: "cannot exec in a paused container" });
  if (status !== "running" && status !== "created" && status !== "paused") throw notRunning();
  const created = readCreatedConfig(files);
  if (created.process === undefined) throw configInvalid("`process` is missing");
  const config: OciConfig = { ...created, process: request.process(created.process) };
  const terminal = config.process?.terminal === true;
  if (!request.foreground && terminal && request.consoleSocket === undefined)
    throw configInvalid("cannot allocate tty if runc will detach without setting console socket (--console-socket)");
  const directory = request.foreground ? makeExecDirectory(files) : null;
  using entry = await unprivilegedEntry(config, request.user.rights, initProcess(record));
  const clear = () => directory !== null && rmSync(directory, { recursive: true, force: true });
  try {
    const cgroups = joinCgroups(containerGroup(record), record.pid, request.subgroups);
    const consoleSocket = request.consoleSocket === undefined ? null : plainConsoleSocket(request.consoleSocket);
    const inputRequest: BundleInputRequest = {
      config,
      identity: record,
      rootfs: record.rootfs,
      monitorDirectory: directory,
      execInto: initProcess(record),
      unprivileged: entry?.start ?? null,
      seccompCache: request.user.seccomp,
      options: request.options,
      consoleSocket,
    };
    const look = await lookAtHost(inputRequest);
    const facts = bundleFacts(inputRequest, look, cgroups);
    const likeThis =
      facts === null ? null : (BundleMemory.open(request.user.plans)?.entry(record.id, facts, environmentOrder(config)) ?? null);
    giveStdio(config);
    const { started } = await startLike(
      { likeThis, makeInput: () => bundleInput(inputRequest, look, cgroups), keepAs: () => likeThis },
      {
        launcher: request.launcher,
        label: record.id,
        tty: terminal,
        inheritStdio: true,
        passedDescriptors: request.options.preservedDescriptors ?? 0,
      },
    );
    if (request.pidFile !== undefined) writePidFile(request.pidFile, started.pid);
    return { ...started, clear };
  } catch (error) {
    clear();
    throw error;
  }
}

/** By a name of 64 digits, so that the plan is remembered for any other. */
function makeExecDirectory(files: ContainerFiles): HostPath {
  const directory = `${files.directory}/exec-${randomHex(32)}` as HostPath;
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}
