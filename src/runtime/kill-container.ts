import { EngineError } from "../core/engine-error.ts";
import { freezeCgroup, killCgroup, thawCgroup } from "../kernel/cgroup-control.ts";
import { readProcessStat } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import { containerGroup } from "./container-group.ts";
import { containerPids } from "./container-pids.ts";
import { type ContainerFiles, type ContainerRecord, readRecord } from "./container-record.ts";
import { initProcess, isContainerAlive } from "./container-status.ts";

const SIGKILL = 9;

/**
 * Sends a signal to the container's first process, or with `all` to each of its processes.
 * @throws {EngineError} CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, SIGNAL_FAILED
 */
export async function killContainer(
  files: ContainerFiles,
  { signal, all, launcher }: { readonly signal: number; readonly all: boolean; readonly launcher: string },
): Promise<void> {
  const record = readRecord(files);
  if (all) return signalAll(record, { signal, launcher });
  if (!isContainerAlive(record) || !sendSignal(launcher, initProcess(record), signal)) throw notRunning();
  // A frozen process dies of nothing but SIGKILL, and on cgroup v1 not even of that before it thaws.
  if (signal === SIGKILL) thawQuietly(record);
}

/** runc's words: engines take them for "it has ended already". */
export function notRunning(): EngineError {
  return new EngineError({ kind: "conflict", code: "CONTAINER_NOT_RUNNING", message: "container not running" });
}

/** Also what is left when the first process has ended, in a container without a pid namespace of its own. */
async function signalAll(
  record: ContainerRecord,
  { signal, launcher }: { readonly signal: number; readonly launcher: string },
): Promise<void> {
  const group = containerGroup(record);
  if (signal === SIGKILL && group.layout.hierarchies.length > 0) return killCgroup(group);
  // Standing still, none of them can end and leave its number to somebody else, or fork away.
  const frozen = await freezeCgroup(group).then(
    () => true,
    () => false,
  );
  try {
    for (const pid of containerPids(record)) {
      const stat = readProcessStat(pid);
      if (stat !== null) sendSignal(launcher, { pid, startTime: stat.startTime }, signal);
    }
  } finally {
    if (frozen) thawCgroup(group);
  }
}

function thawQuietly(record: ContainerRecord): void {
  try {
    thawCgroup(containerGroup(record));
  } catch {
    // No freezer: then it isn't frozen.
  }
}
