import { connectMonitor } from "./monitor-socket.ts";

/**
 * Calls `onEnd` once: when the monitor of that run directory tells that its process has ended, when the monitor itself goes, or at
 * once when nobody listens there. A hint to look, made by the kernel closing a socket; nothing polls. Not called after `close()`.
 */
export function watchEnd(runDirectory: string, onEnd: () => void): { close(): void } {
  const socket = connectMonitor(runDirectory);
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    socket.destroy();
    onEnd();
  };
  // Nothing but EXITED is ever sent to a client that has not asked for output.
  socket.on("data", end);
  socket.on("error", end);
  socket.on("close", end);
  return {
    close: () => {
      over = true;
      socket.destroy();
    },
  };
}
