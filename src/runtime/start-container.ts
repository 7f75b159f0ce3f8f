import { unlinkSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { startThroughPipe } from "../kernel/start-pipe.ts";
import { type ContainerFiles, type ContainerRecord, readCreatedConfig, readRecord } from "./container-record.ts";
import { containerStatus } from "./container-status.ts";
import { poststart } from "./post-hooks.ts";
import { StateLock } from "../kernel/state-lock.ts";

/**
 * Lets a created container execute its program. Resolved once exec has succeeded.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_CREATED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED: the container is dead then.
 */
export async function startContainer(files: ContainerFiles, warn: (message: string) => void): Promise<void> {
  readRecord(files);
  using lock = StateLock.acquire(files.directory);
  const record = readRecord(files);
  const status = containerStatus(files, record, lock);
  if (status !== "created") throw notCreated(status);
  const outcome = startThroughPipe(files);
  if (outcome.kind === "gone") throw notCreated(containerStatus(files, record, lock));
  unlinkSync(files.start);
  unlinkSync(files.reply);
  if (outcome.kind === "died")
    throw launchFailed(`start container \`${record.id}\`: its process has died before it could execute \`${record.afterStart.command}\``);
  if (outcome.kind === "failed") throw await describe(record, outcome);
  await poststart(readCreatedConfig(files), record, { pid: record.pid, warn });
}

/** runc's words. */
function notCreated(status: string): EngineError {
  const reason =
    status === "stopped" ? "cannot start a container that has stopped" : `cannot start a container that is not created: it is ${status}`;
  return new EngineError({ kind: "conflict", code: "CONTAINER_NOT_CREATED", message: reason });
}

async function describe(
  { afterStart }: ContainerRecord,
  { operation, errno, detail }: { readonly operation: number; readonly errno: number; readonly detail: string },
): Promise<EngineError> {
  const { commandFailure } = await import("../plan/describe-failure.ts");
  const { errnoText } = await import("../core/errno.ts");
  const { first, steps, command } = afterStart;
  const index = operation - first;
  if (index === steps.length - 1) {
    const failure = commandFailure({ searched: !command.includes("/"), command }, { errno, detail });
    if (failure !== undefined) return failure;
  }
  return launchFailed(`${steps[index] ?? "start the container"}: ${errnoText(errno)}${detail === "" ? "" : `: ${detail}`}`);
}

function launchFailed(message: string): EngineError {
  return new EngineError({ kind: "failedPrecondition", code: "LAUNCH_FAILED", message });
}
