import type { OutputSink } from "./output-sink.ts";

/** The engine's warnings, as docker prints them. */
export async function printWarnings(stderr: OutputSink, warnings: readonly string[]): Promise<void> {
  for (const warning of warnings) await stderr.write(`WARNING: ${warning}\n`);
}
