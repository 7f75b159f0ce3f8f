/** Where a verb's output goes: standard output or error, or memory in tests. */
export interface OutputSink {
  /**
   * Writes all of `data`, in the order of the calls. Returns a promise only when the reader is slower than we are; pending means: wait before
   * producing more. A reader that has gone away is not an error: the rest is dropped.
   * @throws {EngineError} CLI_OUTPUT_FAILED, thrown or as a rejection (a full disk).
   */
  write(data: string | Uint8Array): void | Promise<void>;
  /** Resolves when everything written so far has left. */
  drain(): Promise<void>;
  /** Somebody had the other end of our pipe and has closed it (EPIPE): whoever runs only to write should end. */
  readonly readerLeft: boolean;
  readonly fd: number;
}

/** 128 + SIGPIPE: what the shell sees of a program that a broken pipe has ended. */
export const brokenPipeExitCode = 141;
