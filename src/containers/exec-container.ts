import { rmSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { parseSignal } from "../core/signals.ts";
import type { ProcessStreams } from "../kernel/process-streams.ts";
import { isEnding } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { PlanCacheEntry } from "../runtime/plan-cache.ts";
import { startLike } from "../runtime/start-process.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { makeExecDirectory } from "./exec-directory.ts";
import type { ExecRequest } from "./exec-request.ts";
import { unknownExitCode } from "./finish-container.ts";
import { streamsOf } from "./follow-process.ts";
import { notRunning } from "./require-status.ts";
import { exitCodeOf } from "./run-record.ts";
import { startFacts } from "./start-facts.ts";

/**
 * Starts a process in a running container, with a monitor of its own. Detached, it resolves once exec succeeded.
 * @throws {EngineError} CONTAINER_NOT_RUNNING (it has just ended), COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, USER_NOT_FOUND, INVALID_OPTION.
 */
export async function execInContainer(host: ContainerHost, row: ContainerRow, request: ExecRequest): Promise<ProcessStreams> {
  if (request.command.length === 0) throw invalidOption("No exec command specified");
  const execDirectory = makeExecDirectory(host, row);
  const clear = () => rmSync(execDirectory, { recursive: true, force: true });
  try {
    const likeThis = earlierExec(host, row, request, execDirectory);
    const { started } = await startLike(
      {
        likeThis,
        makeInput: async () => (await import("./exec-input.ts")).execInput(host, row, request, execDirectory),
        keepAs: (input) => likeThis ?? host.planCache?.entry(input, idsOf(row, execDirectory)),
      },
      { launcher: host.launcher, label: row.id, tty: request.tty ?? false },
    );
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

/** Another process of the same command in the same container. */
function earlierExec(host: ContainerHost, row: ContainerRow, request: ExecRequest, execDirectory: HostPath): PlanCacheEntry | null {
  if (host.planCache === undefined) return null;
  const settings = JSON.parse(row.options) as ContainerOptions;
  const { attach, ...what } = request;
  const facts = startFacts(host, row, { settings, untouched: false, ...(attach === undefined ? {} : { attach }) });
  if (facts === null) return null;
  const into = [row.pid, String(row.pidStart)];
  return host.planCache.entryOfFacts({ facts, exec: what, into }, idsOf(row, execDirectory));
}

function idsOf(row: ContainerRow, execDirectory: HostPath): readonly string[] {
  return [row.id, execDirectory.slice(execDirectory.lastIndexOf("/") + 1)];
}
