import { runCli } from "../../src/cli/run-cli.ts";
import { FakeEngine, type FakeEngineInit } from "./fake-engine.ts";
import { MemorySink } from "./memory-sink.ts";

export interface CliOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly engine: FakeEngine;
}

/** The moment at which fake command lines run. */
export const fakeNow = new Date("2026-01-02T04:00:00Z");

/** Runs a command line over a fake engine, all in memory; standard input is empty. */
export async function runFakeCli(
  args: readonly string[],
  init: FakeEngineInit & { readonly engine?: FakeEngine; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<CliOutcome> {
  const stdout = new MemorySink();
  const stderr = new MemorySink();
  const engine = init.engine ?? new FakeEngine(init);
  // -1 is not open: reading from it is the end of input at once.
  // Not what the developer's own docker is told.
  const env = { DOCKER_CONFIG: "/nonexistent", ...init.env };
  const code = await runCli(args, { env, createEngine: () => engine, stdout, stderr, stdinFd: -1, now: () => fakeNow });
  return { code, stdout: stdout.text, stderr: stderr.text, engine };
}
