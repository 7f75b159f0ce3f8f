import { readFileSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";

/**
 * `--security-opt` texts as the engine takes them: `KEY:VALUE` (docker's old spelling) becomes `KEY=VALUE`, and `seccomp=FILE` becomes the
 * profile itself, on one line.
 * @throws {EngineError} INVALID_OPTION, CLI_FILE_UNREADABLE
 */
export function readSecurityOptions(options: readonly string[]): string[] {
  return options.map((option) => {
    const separator = option.search(/[=:]/);
    const key = separator < 0 ? option : option.slice(0, separator);
    const value = separator < 0 ? undefined : option.slice(separator + 1);
    if (value === undefined) {
      if (key === "no-new-privileges") return option;
      throw invalidOption(`invalid --security-opt \`${option}\`: use KEY=VALUE, such as seccomp=unconfined`);
    }
    if (key === "seccomp" && value !== "unconfined" && value !== "builtin") return `seccomp=${readProfile(value)}`;
    return `${key}=${value}`;
  });
}

function readProfile(path: string): string {
  try {
    return JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError({
      kind: "invalidArgument",
      code: "CLI_FILE_UNREADABLE",
      message: `read the seccomp profile \`${path}\`: ${reason}`,
      cause: error,
    });
  }
}
