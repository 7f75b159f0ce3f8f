/** The part of a connected stream socket that conversations with the launcher need: one of node:net is one, and `InheritedSocket`. */
export interface ByteSocket {
  /** False once it can take nothing more. */
  readonly writable: boolean;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Comes last, once, after all that was received has been given to a listener. */
  on(event: "close", listener: () => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "close", listener: () => void): unknown;
  /** `done` is called when the kernel has taken the bytes, or never will. */
  write(bytes: Uint8Array, done?: () => void): unknown;
  /** No "data" until `resume()`; the other side feels it. */
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
}
