import { existsSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { delay } from "../core/delay.ts";
import { type CgroupHierarchy, cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import { type CgroupGroup, groupDirectories, listCgroupPids } from "./cgroup-group.ts";

/** Processes in uninterruptible sleep delay freezing and ending; beyond this the caller is told. */
const PATIENCE_MS = 10_000;

/**
 * Stops every process of the group and those beneath. Resolves once all stand still. Idempotent.
 * @throws {EngineError} CGROUP_CONTROLLER_MISSING without v2 and v1's freezer; CGROUP_BUSY when a process does not freeze, the group then runs on.
 */
export async function freezeCgroup(group: CgroupGroup): Promise<void> {
  const freezer = freezerOf(group);
  freezer.write(true);
  const end = performance.now() + PATIENCE_MS;
  for (let wait = 1; !freezer.isFrozen(); wait = Math.min(wait * 2, 50)) {
    if (performance.now() > end) {
      freezer.write(false);
      throw busy(group, "freeze", "a process does not stop; it waits for a device or a network file system");
    }
    await delay(wait);
    // v1: a task that was forked meanwhile leaves the state at FREEZING until it is asked again; runc asks again as well.
    freezer.write(true);
  }
}

/** Lets the processes run on. Idempotent; a group that is gone is fine. */
export function thawCgroup(group: CgroupGroup): void {
  ignoring(["ENOENT", "ENODEV"], () => freezerOf(group).write(false));
}

/** Whether the group was asked to freeze (`paused` survives a crash of ours in the kernel alone). */
export function isCgroupFrozen(group: CgroupGroup): boolean {
  return freezerOf(group).isFrozen();
}

/**
 * Kills every process in the group and beneath, also frozen ones and those forked meanwhile. Resolves when the signal is out; they may need
 * a moment to end. A group that is gone is fine.
 */
export async function killCgroup(group: CgroupGroup): Promise<void> {
  const v2 = group.layout.hierarchies.find(({ version }) => version === 2);
  if (v2 !== undefined) {
    // Since 5.14; all at once, and forks can't escape.
    ignoring(["ENOENT", "ENODEV"], () => writeFileSync(`${cgroupDirectory(v2, group.path)}/cgroup.kill`, "1"));
    thawV1(group);
    return;
  }
  const canFreeze = hierarchyOf(group.layout, "freezer") !== undefined;
  // While they stand still no pid can end and be given to somebody else.
  for (let round = 0; round < 100; round++) {
    if (canFreeze) await freezeCgroup(group).catch(() => undefined);
    const pids = listCgroupPids(group);
    for (const pid of pids) ignoring(["ESRCH"], () => process.kill(pid, "SIGKILL"));
    if (canFreeze) thawV1(group);
    if (pids.length === 0 || canFreeze) return;
    await delay(1);
  }
}

/**
 * Removes the group and those beneath from every hierarchy. The processes must have ended; the kernel may need some milliseconds more.
 * Idempotent.
 * @throws {EngineError} CGROUP_BUSY when processes remain.
 */
export async function removeCgroup(group: CgroupGroup): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (const hierarchy of group.layout.hierarchies) {
    const directory = cgroupDirectory(hierarchy, group.path);
    for (let wait = 1; !removed(directory); wait = Math.min(wait * 2, 50)) {
      if (performance.now() > end)
        throw busy(group, "remove", `processes are still in it: ${listCgroupPids(group).slice(0, 5).join(", ")}`);
      thawV1(group);
      await delay(wait);
    }
  }
}

/** Removes the group if nothing is in it, without waiting. True: it is gone from every hierarchy. */
export function removeEmptyCgroup(group: CgroupGroup): boolean {
  return group.layout.hierarchies.map((hierarchy) => removed(cgroupDirectory(hierarchy, group.path))).every(Boolean);
}

/** One rmdir when nothing is beneath; containers may have made groups of their own. */
function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return true;
    if (code !== "EBUSY" && code !== "ENOTEMPTY") throw error;
  }
  for (const child of groupDirectories(directory)) ignoring(["ENOENT", "EBUSY", "ENOTEMPTY"], () => rmdirSync(child));
  return !existsSync(directory);
}

interface Freezer {
  write(frozen: boolean): void;
  isFrozen(): boolean;
}

function freezerOf(group: CgroupGroup): Freezer {
  const v2 = group.layout.hierarchies.find(({ version }) => version === 2);
  if (v2 !== undefined) {
    const directory = cgroupDirectory(v2, group.path);
    return {
      write: (frozen) => writeFileSync(`${directory}/cgroup.freeze`, frozen ? "1" : "0"),
      isFrozen: () => /^frozen 1$/m.test(readFileSync(`${directory}/cgroup.events`, "utf8")),
    };
  }
  const v1: CgroupHierarchy | undefined = hierarchyOf(group.layout, "freezer");
  if (v1 === undefined) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_CONTROLLER_MISSING",
      message:
        group.layout.hierarchies.length === 0
          ? "pause a container that has no control group: its caller may make none"
          : "pause a container: neither cgroup v2 nor the v1 controller `freezer` is mounted",
    });
  }
  const file = `${cgroupDirectory(v1, group.path)}/freezer.state`;
  return {
    write: (frozen) => writeFileSync(file, frozen ? "FROZEN" : "THAWED"),
    isFrozen: () => readFileSync(file, "utf8").trim() === "FROZEN",
  };
}

/**
 * A v1-frozen process does not die of SIGKILL before it thaws, and a container that has its control groups to itself (--privileged) may have
 * frozen some in groups of its own.
 */
function thawV1(group: CgroupGroup): void {
  const freezer = hierarchyOf(group.layout, "freezer");
  if (freezer === undefined || freezer.version === 2) return;
  for (const directory of groupDirectories(cgroupDirectory(freezer, group.path))) {
    ignoring(["ENOENT", "ENODEV"], () => {
      if (readFileSync(`${directory}/freezer.state`, "utf8").trim() !== "THAWED") writeFileSync(`${directory}/freezer.state`, "THAWED");
    });
  }
}

function busy(group: CgroupGroup, verb: string, reason: string): EngineError {
  return new EngineError({ kind: "conflict", code: "CGROUP_BUSY", message: `${verb} the control group \`${group.path}\`: ${reason}` });
}

function ignoring(codes: readonly string[], action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!codes.includes(errnoOf(error) ?? "")) throw error;
  }
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
