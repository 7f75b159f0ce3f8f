import type { Engine } from "../engine/engine.ts";
import type { OutputSink } from "./output/output-sink.ts";

/** What a verb may touch. Everything of the outside world goes through here, so that verbs are tested in memory. */
export interface CliContext {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  /** The descriptor to read input from. */
  readonly stdinFd: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly globals: GlobalOptions;
  /** Full name of the running verb, for messages: `wherry container ls`. */
  readonly commandName: string;
  /** The engine, opened on first use; the dispatcher closes it. */
  engine(): Promise<Engine>;
  now(): Date;
}

export interface GlobalOptions {
  /** Where state and layers lie. */
  readonly root: string;
  /** Where sockets and what needs not survive a reboot lie. */
  readonly runRoot: string;
  readonly debug: boolean;
}
