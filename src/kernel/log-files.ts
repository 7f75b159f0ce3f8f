import { closeSync, fstatSync, openSync, statSync } from "node:fs";

/** One of a log's files, open. */
export interface LogFile {
  readonly fd: number;
  readonly inode: bigint;
  /** When it was opened. */
  readonly size: number;
}

/** `log`, `log.1`, `log.2`: the higher, the older. */
export function rotatedPath(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

function openFile(path: string): LogFile | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  const status = fstatSync(fd, { bigint: true });
  return { fd, inode: status.ino, size: Number(status.size) };
}

/**
 * All files of a log, the oldest first; none when there is no log. Opened from the newest on: if it rotates meanwhile, a file is
 * met twice, which is seen, instead of missed.
 */
export function openLogFiles(path: string): LogFile[] {
  const files: LogFile[] = [];
  for (let number = 0; ; number++) {
    const file = openFile(rotatedPath(path, number));
    if (file === null) {
      // `log` itself is absent for a moment while it rotates.
      if (number === 0) continue;
      break;
    }
    if (files.some((other) => other.inode === file.inode)) closeSync(file.fd);
    else files.unshift(file);
  }
  return files;
}

/** The file that was begun after this one; null when this is the newest. When it is gone altogether: the oldest that is left. */
export function openNextLogFile(path: string, current: LogFile): LogFile | null {
  if (inodeOf(path) === current.inode) return null;
  for (let number = 1; ; number++) {
    const inode = inodeOf(rotatedPath(path, number));
    if (inode === undefined) return openFile(rotatedPath(path, number - 1));
    if (inode !== current.inode) continue;
    const next = openFile(rotatedPath(path, number - 1));
    // Another rotation in between would have moved it.
    if (inodeOf(rotatedPath(path, number)) === current.inode) return next;
    if (next !== null) closeSync(next.fd);
    number = 0;
  }
}

export function closeLogFile(file: LogFile): void {
  closeSync(file.fd);
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
