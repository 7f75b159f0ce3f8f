import { EngineError } from "../core/engine-error.ts";
import { freezeCgroup, thawCgroup } from "../kernel/cgroup-control.ts";
import { containerGroup } from "./container-group.ts";
import { type ContainerFiles, readRecord } from "./container-record.ts";
import { containerStatus } from "./container-status.ts";
import { StateLock } from "../kernel/state-lock.ts";

/**
 * Freezes every process of a container. Idempotent.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CGROUP_BUSY, CGROUP_CONTROLLER_MISSING
 */
export async function pauseContainer(files: ContainerFiles): Promise<void> {
  readRecord(files);
  using lock = StateLock.acquire(files.directory);
  const record = readRecord(files);
  const status = containerStatus(files, record, lock);
  if (status === "paused") return;
  if (status !== "running" && status !== "created") throw notPausable("container not running or created", status);
  await freezeCgroup(containerGroup(record));
}

/** @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING when it is not paused */
export function resumeContainer(files: ContainerFiles): void {
  readRecord(files);
  using lock = StateLock.acquire(files.directory);
  const record = readRecord(files);
  const status = containerStatus(files, record, lock);
  if (status !== "paused") throw notPausable("container not paused", status);
  thawCgroup(containerGroup(record));
}

/** runc's words. */
function notPausable(message: string, status: string): EngineError {
  return new EngineError({ kind: "conflict", code: "CONTAINER_NOT_RUNNING", message: `${message}: it is ${status}` });
}
