import type { AttachOptions } from "../kernel/process-streams.ts";

/** A further process for a running container. */
export interface ExecRequest {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  /** Default: the container's user. */
  readonly user?: string;
  /** All capabilities; the container's seccomp filter stays. */
  readonly privileged?: boolean;
  readonly tty?: boolean;
  /** Absent: detached; the promise then resolves once it has started, and `streams.exited` with null. */
  readonly attach?: AttachOptions;
}
