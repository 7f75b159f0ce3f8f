import { FrameDecoder, frameTypes } from "./frames.ts";
import { connectMonitor } from "./monitor-socket.ts";
import { parseExited, type ProcessEnd } from "./process-connection.ts";

export interface EndWatch {
  /** How it ended, from its monitor; null when that went without a word, when nobody listened, or after `close()`. Never rejects. */
  readonly ended: Promise<ProcessEnd | null>;
  close(): void;
}

/**
 * Calls `onEnd` once: when the monitor of that run directory tells that its process has ended, when the monitor itself goes, or at
 * once when nobody listens there. A hint to look, made by the kernel closing a socket; nothing polls. Not called after `close()`.
 */
export function watchEnd(runDirectory: string, onEnd: () => void): EndWatch {
  const socket = connectMonitor(runDirectory);
  const { promise, resolve } = Promise.withResolvers<ProcessEnd | null>();
  const decoder = new FrameDecoder();
  let over = false;
  const end = (how: ProcessEnd | null): void => {
    if (over) return;
    over = true;
    socket.destroy();
    resolve(how);
    onEnd();
  };
  socket.on("data", (chunk: Buffer) => {
    try {
      // Nothing but EXITED is ever sent to a client that has not asked for output.
      const [frame] = decoder.push(chunk);
      if (frame !== undefined) end(frame.type === frameTypes.exited ? parseExited(frame) : null);
    } catch {
      end(null);
    }
  });
  socket.on("error", () => end(null));
  socket.on("close", () => end(null));
  return {
    ended: promise,
    close: () => {
      over = true;
      socket.destroy();
      resolve(null);
    },
  };
}
