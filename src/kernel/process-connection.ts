import type { ByteSocket } from "./byte-socket.ts";
import { encodeFrame, type Frame, FrameDecoder, frameTypes, maxPayloadBytes, protocolError } from "./frames.ts";
import type { OutputChunk } from "./process-streams.ts";

/** How a process ended, as its monitor saw it. */
export interface ProcessEnd {
  /** As waitpid(2) gives it. */
  readonly waitStatus: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/**
 * A connection to a process's monitor: of the client that started it, or of one that attached later. The wire side of
 * `ProcessStreams`. Nothing is read while a handler's promise is pending; output that comes before there is a handler waits.
 */
export class ProcessConnection implements AsyncDisposable {
  /** Resolves after the last output was handled; null when the connection closed without word of an end, from either side. Never rejects. */
  readonly ended: Promise<ProcessEnd | null>;
  readonly #socket: ByteSocket;
  readonly #decoder: FrameDecoder;
  readonly #inbox: Frame[] = [];
  readonly #end: (end: ProcessEnd | null) => void;
  #output: ((chunk: OutputChunk) => void | Promise<void>) | undefined;
  #gap: ((stream: "stdout" | "stderr", bytes: bigint) => void) | undefined;
  #handlerSet: (() => void) | undefined;
  /** Frames that the socket has not taken yet. */
  readonly #unsent = new Set<() => void>();
  #busy = false;
  /** From our side. */
  #closed = false;
  /** From the other side. */
  #lost = false;

  /** Takes the socket over. `rest`: the decoder that has read it so far, and frames that it has read too many. */
  constructor(socket: ByteSocket, rest: { readonly decoder?: FrameDecoder; readonly frames?: readonly Frame[] } = {}) {
    this.#socket = socket;
    this.#decoder = rest.decoder ?? new FrameDecoder();
    const { promise, resolve } = Promise.withResolvers<ProcessEnd | null>();
    this.ended = promise;
    this.#end = resolve;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    // What matters about an error is that the connection is over; "close" follows it.
    socket.on("error", () => {});
    socket.on("close", () => this.#disconnected());
    this.#inbox.push(...(rest.frames ?? []));
    void this.#drain();
  }

  /** One handler; a later one replaces it. */
  onOutput(handler: (chunk: OutputChunk) => void | Promise<void>): void {
    this.#output = handler;
    this.#handlerSet?.();
  }

  /** Told when the monitor had to drop output because this client, not the starting one, was too slow. */
  onGap(handler: (stream: "stdout" | "stderr", bytes: bigint) => void): void {
    this.#gap = handler;
  }

  /** Resolves when the bytes have been handed to the kernel, or thrown away because the process or the connection has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closed; at += maxPayloadBytes) {
      await this.#send(encodeFrame(frameTypes.stdin, bytes.subarray(at, at + maxPayloadBytes)));
    }
  }

  /** Ends the process's input after what was written before. A terminal has no such end: nothing happens. */
  closeStdin(): void {
    void this.#send(encodeFrame(frameTypes.stdinEof));
  }

  resize(size: { readonly rows: number; readonly columns: number }): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt16LE(Math.min(size.rows, 0xffff), 0);
    payload.writeUInt16LE(Math.min(size.columns, 0xffff), 2);
    void this.#send(encodeFrame(frameTypes.resize, payload));
  }

  /** True: this client does what follows the exit, and says so by `finish()`; the monitor then runs no exit hook. */
  claim(claimed: boolean): void {
    void this.#send(encodeFrame(frameTypes.claim, Uint8Array.of(claimed ? 1 : 0)));
  }

  /** For a client that has claimed, after `ended`: what follows the exit has been done. Resolves when the monitor has been told. */
  async finish(): Promise<void> {
    await this.#send(encodeFrame(frameTypes.done));
    this.close();
  }

  /** Whether it is closed from our side. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Idempotent. The process goes on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlerSet?.();
    this.#socket.destroy();
    this.#end(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #send(frame: Buffer): Promise<void> {
    if (this.#closed || this.#lost || !this.#socket.writable) return Promise.resolve();
    return new Promise((resolve) => {
      this.#unsent.add(resolve);
      // An error means that the other side is gone; `ended` tells that.
      this.#socket.write(frame, () => {
        this.#unsent.delete(resolve);
        resolve();
      });
    });
  }

  #receive(chunk: Buffer): void {
    try {
      this.#inbox.push(...this.#decoder.push(chunk));
    } catch {
      this.close();
      return;
    }
    void this.#drain();
  }

  /** Frames one by one; without a promise from a handler no turn of the event loop is spent. */
  async #drain(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    let paused = false;
    try {
      for (let frame = this.#inbox.shift(); frame !== undefined && !this.#closed; frame = this.#inbox.shift()) {
        const pending = this.#dispatch(frame);
        if (pending === undefined) continue;
        if (!paused) this.#socket.pause();
        paused = true;
        await pending;
      }
    } catch {
      // Whoever takes the output can't go on, or the monitor sent nonsense: as if we had left.
      this.close();
    }
    this.#busy = false;
    if (this.#lost) this.#end(null);
    else if (paused && !this.#closed) this.#socket.resume();
  }

  #dispatch(frame: Frame): void | Promise<void> {
    const stream = frame.stream === 2 ? "stderr" : "stdout";
    switch (frame.type) {
      case frameTypes.output: {
        const chunk: OutputChunk = { stream, bytes: frame.payload };
        if (this.#output !== undefined) return this.#output(chunk);
        return new Promise<void>((resolve) => {
          this.#handlerSet = resolve;
        }).then(() => this.#output?.(chunk));
      }
      case frameTypes.gap:
        this.#gap?.(stream, readU64(frame, 0));
        return undefined;
      case frameTypes.exited: {
        this.#end(parseExited(frame));
        return undefined;
      }
      default:
        throw protocolError(`a frame of type ${frame.type}`);
    }
  }

  #disconnected(): void {
    this.#lost = true;
    for (const resolve of this.#unsent) resolve();
    this.#unsent.clear();
    if (!this.#busy) this.#end(null);
  }
}

function readU64(frame: Frame, at: number): bigint {
  return Buffer.from(frame.payload).readBigUInt64LE(at);
}

/** @throws {EngineError} LAUNCHER_PROTOCOL */
export function parseExited(frame: Frame): ProcessEnd {
  const payload = Buffer.from(frame.payload);
  if (payload.length !== 12) throw protocolError("a malformed EXITED");
  return { waitStatus: payload.readInt32LE(0), time: payload.readBigInt64LE(4) };
}
