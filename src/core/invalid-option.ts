import { EngineError } from "./engine-error.ts";

/** A malformed option, or two that don't go together: the message names the option, the value and the remedy. */
export function invalidOption(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_OPTION", message });
}
