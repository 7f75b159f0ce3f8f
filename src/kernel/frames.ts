import { EngineError } from "../core/engine-error.ts";

/**
 * The frames between us, the launcher and the monitor (docs/plan-protocol.md, section 2):
 *
 *     0        4      5        6      8
 *     | length | type | stream | zero | payload: length bytes |      little endian
 */
export const frameTypes = {
  plan: 1,
  go: 2,
  stdin: 3,
  stdinEof: 4,
  resize: 5,
  claim: 6,
  begin: 7,
  done: 8,
  label: 9,
  error: 16,
  tell: 17,
  started: 18,
  output: 19,
  gap: 20,
  exited: 21,
} as const;

export const frameHeaderBytes = 8;
/** Of every frame but PLAN. */
export const maxPayloadBytes = 65_536;
export const maxPlanBytes = 4 * 1024 * 1024;

/** One frame; of an OUTPUT frame perhaps only a piece, since output is a stream of bytes. */
export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** A whole frame, header and payload in one new buffer. */
export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0), stream = 0): Buffer {
  const limit = type === frameTypes.plan ? maxPlanBytes : maxPayloadBytes;
  if (payload.length > limit) throw new RangeError(`payload of ${payload.length} bytes in a frame of type ${type}`);
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt8(stream, 5);
  frame.writeUInt16LE(0, 6);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/**
 * Cuts a stream of bytes into frames. Output is passed on as it comes, without a copy; every other frame is whole. Payloads are
 * views of the chunks that were pushed.
 */
export class FrameDecoder {
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerLength = 0;
  /** Payload bytes still to come. */
  #left = 0;
  #parts: Uint8Array[] = [];

  /** @throws {EngineError} LAUNCHER_PROTOCOL when a payload is longer than the protocol allows. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerLength < frameHeaderBytes) {
        const bytes = chunk.subarray(at, at + frameHeaderBytes - this.#headerLength);
        this.#header.set(bytes, this.#headerLength);
        this.#headerLength += bytes.length;
        at += bytes.length;
        if (this.#headerLength < frameHeaderBytes) break;
        this.#left = this.#header.readUInt32LE(0);
        if (this.#left > maxPayloadBytes) throw protocolError(`a payload of ${this.#left} bytes`);
      }
      const bytes = chunk.subarray(at, at + this.#left);
      at += bytes.length;
      this.#left -= bytes.length;
      this.#take(bytes, frames);
    }
    return frames;
  }

  #take(bytes: Uint8Array, frames: Frame[]): void {
    const type = this.#header.readUInt8(4);
    const stream = this.#header.readUInt8(5);
    if (type === frameTypes.output) {
      if (bytes.length > 0) frames.push({ type, stream, payload: bytes });
    } else {
      this.#parts.push(bytes);
    }
    if (this.#left > 0) return;
    if (type !== frameTypes.output) {
      const [first = bytes] = this.#parts;
      frames.push({ type, stream, payload: this.#parts.length === 1 ? first : Buffer.concat(this.#parts) });
      this.#parts = [];
    }
    this.#headerLength = 0;
  }
}

export function protocolError(what: string): EngineError {
  return new EngineError({
    kind: "internal",
    code: "LAUNCHER_PROTOCOL",
    message: `the launcher sent ${what}, which the protocol does not have; are wherry and its launcher of the same version?`,
  });
}
