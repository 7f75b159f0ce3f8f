import { readFileSync } from "node:fs";

/** What the launcher leaves in a container's run directory (docs/plan-protocol.md §3). */
export interface StartedRecord {
  readonly pid: number;
  readonly startTime: bigint;
  readonly monitorPid: number;
  readonly monitorStartTime: bigint;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

export interface ExitRecord {
  /** As waitpid(2) gives it. */
  readonly waitStatus: number;
  readonly time: bigint;
}

export function readStartedRecord(runDirectory: string): StartedRecord | null {
  const fields = readFields(`${runDirectory}/started`);
  if (fields === null) return null;
  return {
    pid: Number(fields.get("pid") ?? 0),
    startTime: BigInt(fields.get("start") ?? 0),
    monitorPid: Number(fields.get("monitor") ?? 0),
    monitorStartTime: BigInt(fields.get("monitor-start") ?? 0),
    time: BigInt(fields.get("time") ?? 0),
  };
}

export function readExitRecord(runDirectory: string): ExitRecord | null {
  const fields = readFields(`${runDirectory}/exit`);
  if (fields === null) return null;
  return { waitStatus: Number(fields.get("status") ?? 0), time: BigInt(fields.get("time") ?? 0) };
}

/** Docker's exit code: the status itself, or 128 plus the signal. */
export function exitCodeOf(waitStatus: number): number {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
}

function readFields(path: string): Map<string, string> | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
  );
}
