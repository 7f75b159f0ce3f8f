import type { ContainerOptions } from "../../src/spec/container-options.ts";
import { runFakeCli } from "./run-fake-cli.ts";

/** What the engine is asked to create for `wherry create ARGS`. */
export async function createdWith(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ContainerOptions> {
  const outcome = await runFakeCli(["create", ...args], { env });
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome.engine.calls[0]?.args[0] as ContainerOptions;
}
