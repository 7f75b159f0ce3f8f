import { rmSync, symlinkSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";

/** A caller's console socket, as a plan names it. To be disposed of when the terminal has been sent. */
export interface ConsoleSocket extends Disposable {
  /** What the caller calls it. */
  readonly name: HostPath;
  /** What is connected to. */
  readonly path: HostPath;
  /** Whether the path is what that of any other container would be, but for the container's id. */
  readonly isLink: boolean;
}

/** `sun_path` with its final NUL. @see unix(7) */
const mostPathBytes = 108;

/**
 * Engines make a socket with a name of its own, and of any length, for each terminal. A link to it in the new container's directory makes all
 * of them alike, so that plans can be remembered; where that would be too long for a socket's path, there is none.
 */
export function linkConsoleSocket(directory: HostPath, name: HostPath): ConsoleSocket {
  const path = `${directory}/console` as HostPath;
  if (Buffer.byteLength(path) >= mostPathBytes) return plainConsoleSocket(name);
  symlinkSync(name, path);
  return { name, path, isLink: true, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

export function plainConsoleSocket(name: HostPath): ConsoleSocket {
  return { name, path: name, isLink: false, [Symbol.dispose]: () => undefined };
}
