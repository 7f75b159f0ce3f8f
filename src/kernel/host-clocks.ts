import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** Seconds that the host's clocks have counted, rounded down, so that an offset of minus that never makes one negative (ERANGE). */
export interface HostClocks {
  readonly monotonicSeconds: number;
  readonly boottimeSeconds: number;
}

/**
 * CLOCK_BOOTTIME is /proc/uptime. CLOCK_MONOTONIC, which stands still in suspend, is told by the head of /proc/timer_list ("now at N
 * nsecs"; the runtime's own timers count from its start); where that file is missing, monotonic is left alone (0).
 */
export function readHostClocks(): HostClocks {
  const boottimeSeconds = Math.floor(Number.parseFloat(readFileSync("/proc/uptime", "latin1")));
  return { monotonicSeconds: Math.min(readMonotonicSeconds(), boottimeSeconds), boottimeSeconds };
}

function readMonotonicSeconds(): number {
  try {
    const fd = openSync("/proc/timer_list", "r");
    try {
      const head = Buffer.alloc(256);
      const length = readSync(fd, head);
      const nanos = /^now at (\d+) nsecs/m.exec(head.toString("latin1", 0, length))?.[1];
      return nanos === undefined ? 0 : Math.floor(Number(nanos) / 1e9);
    } finally {
      closeSync(fd);
    }
  } catch {
    return 0;
  }
}
