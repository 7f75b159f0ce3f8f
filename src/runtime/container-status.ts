import { isCgroupFrozen } from "../kernel/cgroup-control.ts";
import { readBootId } from "../kernel/boot-id.ts";
import { isAlive, type ProcessReference } from "../kernel/process-reference.ts";
import { isWaiting } from "../kernel/start-pipe.ts";
import { containerGroup } from "./container-group.ts";
import type { ContainerFiles, ContainerRecord } from "./container-record.ts";
import { isLocked, type StateLock } from "../kernel/state-lock.ts";

/** The specification's states, and `paused`, which runc added. */
export type ContainerStatus = "creating" | "created" | "running" | "paused" | "stopped";

/**
 * What the container is at this moment: asked of the kernel, not remembered.
 * @param lock held by the caller: then nobody else can be creating it
 */
export function containerStatus(files: ContainerFiles, record: ContainerRecord, lock?: StateLock): ContainerStatus {
  if (record.pid === 0) return lock === undefined && isLocked(files.directory) ? "creating" : "stopped";
  if (!isContainerAlive(record)) return "stopped";
  if (isFrozen(record)) return "paused";
  return isWaiting(files.start) ? "created" : "running";
}

export function initProcess(record: ContainerRecord): ProcessReference {
  return { pid: record.pid, startTime: BigInt(record.startTime) };
}

export function isContainerAlive(record: ContainerRecord): boolean {
  return isAlive(initProcess(record)) && readBootId() === record.bootId;
}

function isFrozen(record: ContainerRecord): boolean {
  try {
    return isCgroupFrozen(containerGroup(record));
  } catch {
    // It has been removed under the container, or there is no freezer: nobody can have paused it.
    return false;
  }
}
