import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";

/** sizeof(sun_path) less the NUL, unix(7). */
const maxSocketPath = 107;

/**
 * Connects to the attach socket of the monitor whose run directory this is; a long path takes a detour by descriptor. Never throws:
 * a monitor that has ended, or never was, is an "error" and a "close" of the socket.
 */
export function connectMonitor(runDirectory: string): Socket {
  const path = `${runDirectory}/attach.sock`;
  if (Buffer.byteLength(path) <= maxSocketPath) return connect(path);
  let directory: number | undefined;
  try {
    directory = openSync(runDirectory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return connect(path.slice(0, maxSocketPath));
  }
  const opened = directory;
  const socket = connect(`/proc/self/fd/${opened}/attach.sock`);
  let open = true;
  const close = (): void => {
    if (open) closeSync(opened);
    open = false;
  };
  socket.once("connect", close);
  socket.once("close", close);
  return socket;
}
