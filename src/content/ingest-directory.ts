import { mkdirSync, readdirSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { randomHex } from "../core/random.ts";
import { readBootId } from "../kernel/boot-id.ts";
import { isAlive, ownProcess } from "../kernel/process-reference.ts";

/**
 * A directory for what is being written and has no name of its own yet. Each entry's name says which process is at it
 * (`PID-STARTTIME-BOOTID-RANDOM`), so that what a dead one left behind is told from work under way.
 */
export class IngestDirectory {
  readonly path: HostPath;

  constructor(path: HostPath) {
    this.path = path;
  }

  /** A fresh path; the directory exists, the path not yet. */
  newPath(): HostPath {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const { pid, startTime } = ownProcess();
    return `${this.path}/${pid}-${startTime}-${bootMark()}-${randomHex(6)}` as HostPath;
  }

  /** Whether the name of an entry is of a process that lives. */
  isUnderWay(name: string): boolean {
    return isUnderWay(name);
  }

  /** What processes have left that are no more. */
  abandoned(): HostPath[] {
    let names: string[];
    try {
      names = readdirSync(this.path);
    } catch {
      return [];
    }
    return names.filter((name) => !isUnderWay(name)).map((name) => `${this.path}/${name}` as HostPath);
  }
}

function isUnderWay(name: string): boolean {
  const [pid = "", startTime = "", boot = ""] = name.split("-");
  return boot === bootMark() && /^\d+$/.test(startTime) && isAlive({ pid: Number(pid), startTime: BigInt(startTime) });
}

function bootMark(): string {
  return readBootId().replaceAll("-", "").slice(0, 12);
}
