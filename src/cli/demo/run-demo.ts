import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";

/** The containers demo: each claim is shown and checked; a claim that does not hold makes the exit code 1. */
export async function runDemo(_context: CliContext): Promise<number> {
  throw new EngineError({ kind: "notImplemented", code: "NOT_IMPLEMENTED", message: "the demo is not written yet" });
}
