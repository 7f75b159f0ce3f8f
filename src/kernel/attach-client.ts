import { EngineError } from "../core/engine-error.ts";
import { encodeFrame, frameTypes } from "./frames.ts";
import { connectMonitor } from "./monitor-socket.ts";
import { ProcessConnection } from "./process-connection.ts";
import type { AttachOptions } from "./process-streams.ts";

/**
 * Connects to a process that runs under a monitor. Output follows from this moment; a client that reads slowly misses some of it
 * (`onGap`), the process never waits for it.
 * @throws {EngineError} CONTAINER_NOT_RUNNING when no monitor listens there any more.
 */
export async function attachToMonitor(runDirectory: string, options: AttachOptions): Promise<ProcessConnection> {
  const socket = connectMonitor(runDirectory);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (cause) =>
      reject(
        new EngineError({
          kind: "conflict",
          code: "CONTAINER_NOT_RUNNING",
          message: `attach to the process in \`${runDirectory}\`: it does not run any more`,
          cause,
        }),
      ),
    );
  });
  const wants = (options.stdout ? 1 : 0) | (options.stderr ? 2 : 0) | (options.stdin ? 4 : 0);
  socket.write(encodeFrame(frameTypes.begin, Uint8Array.of(wants)));
  const connection = new ProcessConnection(socket);
  if (options.size !== undefined) connection.resize(options.size);
  return connection;
}
