import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { type Frame, FrameDecoder, frameTypes } from "./frames.ts";

/** What became of a process that waited to be started. */
export type StartOutcome =
  | { readonly kind: "started" }
  /** Nobody waits there: it is dead, or has been started before. */
  | { readonly kind: "gone" }
  /** It ended before it could execute the program, without a word. */
  | { readonly kind: "died" }
  | { readonly kind: "failed"; readonly operation: number; readonly errno: number; readonly detail: string };

/** Sent by the process right before execve(2); see launcher/protocol.h. */
const executing = 255;

/** Whether a process waits at that FIFO, as the kernel sees it: without a reader it can't be opened for writing. */
export function isWaiting(start: string): boolean {
  const descriptor = openWriter(start);
  if (descriptor === null) return false;
  closeSync(descriptor);
  return true;
}

/**
 * Lets the process go that waits in STARTWAIT, and waits until it has executed its program or failed. Blocks this thread, for as long as
 * that takes.
 * @see docs/plan-protocol.md
 */
export function startThroughPipe(pipes: { readonly start: string; readonly reply: string }): StartOutcome {
  const start = openWriter(pipes.start);
  if (start === null) return { kind: "gone" };
  let reply: number;
  try {
    // Opening for reading alone would wait for a writer for ever if the process died just now. With a writer of our own it does not.
    const both = openSync(pipes.reply, constants.O_RDWR | constants.O_NONBLOCK);
    reply = openSync(pipes.reply, constants.O_RDONLY);
    closeSync(both);
    writeSync(start, "g");
  } catch (error) {
    if (codeOf(error) === "EPIPE" || codeOf(error) === "ENOENT") return { kind: "gone" };
    throw error;
  } finally {
    closeSync(start);
  }
  try {
    return outcomeOf(readToEnd(reply));
  } finally {
    closeSync(reply);
  }
}

function openWriter(start: string): number | null {
  try {
    return openSync(start, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENXIO" || codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function readToEnd(descriptor: number): readonly Frame[] {
  const decoder = new FrameDecoder();
  const buffer = Buffer.alloc(4096);
  const frames: Frame[] = [];
  for (let got = readSync(descriptor, buffer); got > 0; got = readSync(descriptor, buffer)) {
    frames.push(...decoder.push(Buffer.from(buffer.subarray(0, got))));
  }
  return frames;
}

function outcomeOf(frames: readonly Frame[]): StartOutcome {
  const error = frames.find(({ type }) => type === frameTypes.error);
  if (error === undefined) return { kind: frames.some(({ type }) => type === executing) ? "started" : "died" };
  const payload = Buffer.from(error.payload);
  if (payload.length < 8) return { kind: "died" };
  return { kind: "failed", operation: payload.readUInt32LE(0), errno: payload.readInt32LE(4), detail: payload.toString("utf8", 8) };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
