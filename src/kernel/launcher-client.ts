import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { errnoText } from "../core/errno.ts";
import { launcherEnvironment } from "../core/fault-settings.ts";
import type { ByteSocket } from "./byte-socket.ts";
import { encodeFrame, type Frame, FrameDecoder, frameTypes, protocolError } from "./frames.ts";
import { InheritedSocket } from "./inherited-socket.ts";
import { ProcessConnection } from "./process-connection.ts";

export interface LaunchRequest {
  /** Path of the launcher program. */
  readonly launcher: string;
  /** As docs/plan-protocol.md, section 3, lays it out. */
  readonly plan: Uint8Array;
  /** Stands in the launcher's arguments, for ps(1) and for finding it when its client has died. */
  readonly label?: string;
  /**
   * The launcher, and with it the process, gets this process's own descriptors 0 to 2 instead of /dev/null. All launches of a process are of
   * one kind: a launcher that our front program has started has what the command is known for.
   */
  readonly inheritStdio?: boolean;
  /** So many further descriptors of this process, from 3 on, which the launcher gets from 4 on. With `inheritStdio` only. */
  readonly passedDescriptors?: number;
  /** Called at each TELL, in order; the launcher goes on with a point's HOLD when the promise is fulfilled. A rejection ends the launch. */
  readonly onTell?: (point: string, pid: number) => void | Promise<void>;
  /** The points that the plan HOLDs. */
  readonly holds?: ReadonlySet<string>;
  /** Gives the launch up: what has been made is undone by the launcher. No effect once the process has started. */
  readonly signal?: AbortSignal;
}

/** A process that a plan has started. */
export interface LaunchedProcess {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTime: bigint;
  readonly monitorPid: number;
  readonly monitorStartTime: bigint;
  /** Of the exec; nanoseconds since 1970. */
  readonly time: bigint;
  readonly connection: ProcessConnection;
}

/**
 * Carries a plan out. Resolves after exec succeeded; the process and its monitor then live on without us. The monitor runs in a
 * session of its own, with nothing of our environment, working directory or stdio.
 * @throws {EngineError} LAUNCH_FAILED with `details: { operation: number | null, errno: number, detail: string }`, everything undone;
 *   LAUNCHER_UNAVAILABLE when the launcher can't be run or died without a word. The signal's reason when aborted.
 */
export async function launchPlan(request: LaunchRequest): Promise<LaunchedProcess> {
  request.signal?.throwIfAborted();
  // Nothing is awaited until somebody listens: a launcher that dies at once would close its socket unheard.
  const { socket, gone } = ((request.passedDescriptors ?? 0) > 0 ? undefined : takeWaitingLauncher(request)) ?? spawnLauncher(request);
  if (socket === undefined) throw unavailable(request, await gone);
  try {
    return await converse(request, gone, socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** A launcher that has been sent its plan, and why it is no more once its socket has closed. Without a socket it was never there. */
interface Launcher {
  readonly socket: ByteSocket | undefined;
  readonly gone: Promise<string>;
}

function spawnLauncher(request: LaunchRequest): Launcher {
  // Not imported above: a start that finds a launcher waiting does not pay for loading it.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const child = spawn(request.launcher, request.label === undefined ? ["plan"] : ["plan", request.label], {
    stdio: request.inheritStdio === true ? inherited(request.passedDescriptors ?? 0) : ["ignore", "ignore", "ignore", "pipe"],
    detached: true,
    cwd: "/",
    env: launcherEnvironment(),
  });
  child.unref();
  const socket = (child.stdio[3] as ByteSocket | null | undefined) ?? undefined;
  socket?.write(encodeFrame(frameTypes.plan, request.plan));
  return { socket, gone: whyGone(child) };
}

function inherited(count: number): ("inherit" | "pipe" | number)[] {
  return ["inherit", "inherit", "inherit", "pipe", ...Array.from({ length: count }, (_, index) => index + 3)];
}

/**
 * The launcher that our front program (launcher/front.c) started along with us, once: 2 to 3 ms sooner than one of our own. It is no
 * child of ours, so that why it ended is not told.
 */
function takeWaitingLauncher(request: LaunchRequest): Launcher | undefined {
  const descriptor = process.env[waitingLauncher];
  if (descriptor === undefined) return undefined;
  delete process.env[waitingLauncher];
  // Written at once, while the descriptor still blocks: the launcher is at work before the runtime has looked at the socket.
  const label = request.label === undefined ? [] : [encodeFrame(frameTypes.label, Buffer.from(request.label))];
  try {
    writeFileSync(Number(descriptor), Buffer.concat([...label, encodeFrame(frameTypes.plan, request.plan)]));
  } catch {
    // It has been killed meanwhile; another one will do.
    return undefined;
  }
  return { socket: new InheritedSocket(Number(descriptor)), gone: Promise.resolve("it ended without a report") };
}

const waitingLauncher = "WHERRY_LAUNCHER";

function converse(request: LaunchRequest, gone: Promise<string>, socket: ByteSocket): Promise<LaunchedProcess> {
  const decoder = new FrameDecoder();
  const { promise, resolve, reject } = Promise.withResolvers<LaunchedProcess>();
  let tells = Promise.resolve();

  const onFrame = (frame: Frame, rest: readonly Frame[]): void => {
    if (frame.type === frameTypes.tell) {
      tells = tells.then(() => answerTell(request, socket, frame));
      tells.catch(reject);
    } else if (frame.type === frameTypes.error) {
      reject(launchError(frame));
    } else if (frame.type === frameTypes.started) {
      stopListening();
      resolve({ ...decodeStarted(frame), connection: new ProcessConnection(socket, { decoder, frames: rest }) });
    } else {
      throw protocolError(`a frame of type ${frame.type} before the start`);
    }
  };
  const onData = (chunk: Buffer): void => {
    try {
      const frames = decoder.push(chunk);
      for (const [index, frame] of frames.entries()) {
        onFrame(frame, frames.slice(index + 1));
        if (frame.type === frameTypes.started) return;
      }
    } catch (error) {
      reject(error);
    }
  };
  const onGone = (): void => {
    void gone.then((why) => reject(unavailable(request, why)));
  };
  const onAbort = (): void => reject(request.signal?.reason);
  const stopListening = (): void => {
    socket.off("data", onData);
    socket.off("close", onGone);
    request.signal?.removeEventListener("abort", onAbort);
  };

  socket.on("data", onData);
  socket.on("close", onGone);
  // "close" follows it.
  socket.on("error", () => {});
  request.signal?.addEventListener("abort", onAbort);
  return promise.catch((error: unknown) => {
    stopListening();
    throw error;
  });
}

async function answerTell(request: LaunchRequest, socket: ByteSocket, frame: Frame): Promise<void> {
  const payload = Buffer.from(frame.payload);
  const point = payload.toString("utf8", 4);
  await request.onTell?.(point, payload.readUInt32LE(0));
  if (request.holds?.has(point) === true) socket.write(encodeFrame(frameTypes.go, Buffer.from(point)));
}

function decodeStarted(frame: Frame): Omit<LaunchedProcess, "connection"> {
  const payload = Buffer.from(frame.payload);
  if (payload.length !== 32) throw protocolError("a malformed STARTED");
  return {
    pid: payload.readUInt32LE(0),
    startTime: payload.readBigUInt64LE(4),
    monitorPid: payload.readUInt32LE(12),
    monitorStartTime: payload.readBigUInt64LE(16),
    time: payload.readBigInt64LE(24),
  };
}

/** What an ERROR frame says. */
export function launchError(frame: Frame): EngineError {
  const payload = Buffer.from(frame.payload);
  if (payload.length < 8) return protocolError("a malformed ERROR");
  const index = payload.readUInt32LE(0);
  const operation = index === 0xffff_ffff ? null : index;
  const errno = payload.readInt32LE(4);
  const detail = payload.toString("utf8", 8);
  const where = operation === null ? "carry out the launch plan" : `carry out operation ${operation} of the launch plan`;
  return new EngineError({
    kind: "failedPrecondition",
    code: "LAUNCH_FAILED",
    message: `${where}: ${errnoText(errno)}${detail === "" ? "" : ` (${detail})`}`,
    details: { operation, errno, detail },
  });
}

/** Resolves when the program could not be run, or has ended, with the sentence that says so. */
function whyGone(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `it ended with status ${code} and no report` : `it was killed by ${signal}`),
    );
  });
}

function unavailable(request: LaunchRequest, why: string): EngineError {
  return new EngineError({
    kind: "unavailable",
    code: "LAUNCHER_UNAVAILABLE",
    message: `run the launcher \`${request.launcher}\`: ${why}`,
  });
}
