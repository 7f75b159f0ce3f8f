import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { faultPoint } from "../core/fault-point.ts";
import { randomHex } from "../core/random.ts";
import { isAlive } from "../kernel/process-reference.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { isOwnerAlive } from "../kernel/process-owner.ts";
import { notRunning } from "./require-status.ts";
import { readStartedRecord } from "./run-record.ts";

/**
 * A run directory for a new exec session, in the container's: `exec/ID`. It names its maker by a symlink, `owner`, until the launcher's
 * record says more. What ended sessions have left is removed: one that was detached has nobody else to do it.
 * @throws {EngineError} CONTAINER_NOT_RUNNING when the container has just ended.
 */
export function makeExecDirectory(host: ContainerHost, row: ContainerRow): HostPath {
  const parent = parentOf(host, row);
  const directory = `${parent}/${randomHex(32)}` as HostPath;
  try {
    for (const id of sessionsIn(parent)) if (!isLive(host, `${parent}/${id}`)) rmSync(`${parent}/${id}`, { recursive: true, force: true });
    makeParent(parent);
    mkdirSync(directory, { mode: 0o700 });
    symlinkSync(host.owner, `${directory}/owner`);
    faultPoint("exec-directory-made");
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? notRunning(row, "exec in") : error;
  }
  return directory;
}

/** The ids of the exec sessions that are under way. */
export function listExecs(host: ContainerHost, row: Pick<ContainerRow, "id">): string[] {
  const parent = parentOf(host, row);
  return sessionsIn(parent).filter((id) => isLive(host, `${parent}/${id}`));
}

function parentOf(host: ContainerHost, row: Pick<ContainerRow, "id">): string {
  return `${containerPaths(host.root, host.runRoot, row.id).run}/exec`;
}

function makeParent(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function sessionsIn(parent: string): string[] {
  try {
    return readdirSync(parent);
  } catch {
    return [];
  }
}

/** One that has no owner yet is being made this very moment. */
function isLive(host: ContainerHost, directory: string): boolean {
  const started = readStartedRecord(directory);
  if (started !== null) return isAlive(started);
  try {
    return isOwnerAlive(readlinkSync(`${directory}/owner`), host.bootId);
  } catch {
    return true;
  }
}
