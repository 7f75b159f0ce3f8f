/**
 * A live connection to a process. Output chunks arrive through `onOutput`; while the returned promise is pending no more is read
 * (back-pressure). Closing it detaches: the process goes on.
 */
export interface ProcessStreams extends AsyncDisposable {
  readonly tty: boolean;
  onOutput(handler: (chunk: OutputChunk) => void | Promise<void>): void;
  /** Resolves when the bytes have been handed to the kernel. */
  write(bytes: Uint8Array): Promise<void>;
  closeStdin(): void;
  resize(size: { readonly rows: number; readonly columns: number }): void;
  /** For exec: signals the exec'd process; for attach: the container's. */
  kill(signal: string): Promise<void>;
  /** Resolves with the exit code after the last output was handled and the state is recorded; null when the connection was closed from our side. */
  readonly exited: Promise<number | null>;
}

export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Initial terminal size. */
  readonly size?: { readonly rows: number; readonly columns: number };
}
