import { readFileSync } from "node:fs";

/** A process that can't be mistaken for a later one with its number (within one boot). */
export interface ProcessReference {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTime: bigint;
}

export interface ProcessStat {
  readonly startTime: bigint;
  /** A letter. */
  readonly state: string;
  readonly parentPid: number;
  /** PF_*, linux/sched.h. */
  readonly flags: number;
}

/**
 * The start time, state letter, parent and flags of a process; null when there is none with this pid.
 * @see proc_pid_stat(5): the name, field 2, may hold spaces and parentheses, so fields count from the last `)`.
 */
export function readProcessStat(pid: number, procRoot = "/proc"): ProcessStat | null {
  let stat: string;
  try {
    stat = readFileSync(`${procRoot}/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const startTime = fields[19];
  if (startTime === undefined || !/^\d+$/.test(startTime)) return null;
  return { startTime: BigInt(startTime), state, parentPid: Number(fields[1]), flags: Number(fields[6]) };
}

/** Whether that very process is there and is more than a zombie. */
export function isAlive(reference: ProcessReference, procRoot = "/proc"): boolean {
  if (!Number.isInteger(reference.pid) || reference.pid <= 0) return false;
  const stat = readProcessStat(reference.pid, procRoot);
  return stat !== null && stat.startTime === reference.startTime && stat.state !== "Z" && stat.state !== "X";
}

/** PF_EXITING, linux/sched.h: in do_exit(), which takes files and namespaces from it first and makes it a zombie last. */
const exitingFlag = 0x4;

/** Whether that process is dead, or has begun to be. */
export function isEnding(reference: ProcessReference, procRoot = "/proc"): boolean {
  const stat = readProcessStat(reference.pid, procRoot);
  return stat === null || (stat.flags & exitingFlag) !== 0 || !isAlive(reference, procRoot);
}

/** Of the calling process. */
export function ownProcess(): ProcessReference {
  return { pid: process.pid, startTime: readProcessStat(process.pid)?.startTime ?? 0n };
}
