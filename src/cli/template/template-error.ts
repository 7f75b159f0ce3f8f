import { EngineError } from "../../core/engine-error.ts";

/** A malformed template, or one that does not fit the data; worded as Go's text/template does. */
export function templateError(message: string): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "CLI_TEMPLATE_INVALID",
    message: `template parsing error: template: ${message}`,
  });
}
