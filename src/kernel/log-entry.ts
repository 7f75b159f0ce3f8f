export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow?: boolean;
  /** Number of last lines; absent: all. */
  readonly tail?: number;
  readonly since?: Date;
  readonly until?: Date;
  readonly signal?: AbortSignal;
}

export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  /** Without a line end for a partial line (`partial`), else with the newline. */
  readonly bytes: Uint8Array;
  readonly partial: boolean;
}
