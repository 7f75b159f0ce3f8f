import { EngineError } from "../core/engine-error.ts";
import { killCgroup, removeCgroup, removeEmptyCgroup } from "../kernel/cgroup-control.ts";
import { isEnding } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import { containerGroup } from "./container-group.ts";
import { type ContainerFiles, type ContainerRecord, findCreatedConfig, findRecord, readRecord, removeRecord } from "./container-record.ts";
import { containerStatus, initProcess, isContainerAlive } from "./container-status.ts";
import { poststop } from "./post-hooks.ts";
import { StateLock } from "../kernel/state-lock.ts";

const SIGKILL = 9;
const patienceMs = 10_000;

/**
 * Removes a container that has stopped, and all that it has left in its cgroup; with `force` one that runs is killed before, and one that is
 * not there is no error.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_RUNNING, CONTAINER_UNKILLABLE, CGROUP_BUSY
 */
export async function deleteContainer(
  files: ContainerFiles,
  { force, launcher, warn }: { readonly force: boolean; readonly launcher: string; readonly warn: (message: string) => void },
): Promise<void> {
  if (force && findRecord(files) === null) {
    removeRecord(files);
    return;
  }
  readRecord(files);
  using lock = StateLock.acquire(files.directory);
  const record = readRecord(files);
  const status = containerStatus(files, record, lock);
  // As runc: what was only created has nothing to lose. What has begun to end is given the moment that it takes.
  if (status === "created" || (force && status !== "stopped")) await end(record, launcher);
  else if (status !== "stopped" && record.pid !== 0 && isEnding(initProcess(record))) await waitForEnd(record);
  else if (status !== "stopped") throw notStopped(record, status);
  await removeStopped(files, record, warn);
}

/** Removes a container whose process is known to have ended; whoever else may be removing it is not in the way. @throws {EngineError} CGROUP_BUSY */
export async function removeStopped(files: ContainerFiles, record: ContainerRecord, warn: (message: string) => void): Promise<void> {
  await removeGroup(record);
  const config = findCreatedConfig(files);
  if (config?.linux?.intelRdt !== undefined) (await import("./class-of-service.ts")).removeClassOfService(config, record);
  removeRecord(files);
  if (config !== null) await poststop(config, record, warn);
}

async function end(record: ContainerRecord, launcher: string): Promise<void> {
  if (record.pid !== 0) sendSignal(launcher, initProcess(record), SIGKILL);
  await killCgroup(containerGroup(record));
  await waitForEnd(record);
}

async function waitForEnd(record: ContainerRecord): Promise<void> {
  const limit = Date.now() + patienceMs;
  while (isContainerAlive(record)) {
    if (Date.now() > limit) {
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_UNKILLABLE",
        message: `delete container \`${record.id}\`: its process ${record.pid} is still there after SIGKILL: it waits in the kernel`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function removeGroup(record: ContainerRecord): Promise<void> {
  const group = containerGroup(record);
  if (removeEmptyCgroup(group)) return;
  await killCgroup(group);
  await removeCgroup(group);
}

/** runc's words. */
function notStopped({ id }: ContainerRecord, status: string): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_RUNNING",
    message: `cannot delete container \`${id}\` that is not stopped: ${status}`,
  });
}
