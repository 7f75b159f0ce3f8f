import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import { parseSize } from "../../core/size.ts";
import type { LogLimits } from "../../spec/container-options.ts";
import { invalidValue } from "../flags/flag-spec.ts";

/** Renaming each file at every rotation has to end somewhere. */
const MOST_FILES = 100;

export type LogDriver = "files" | "none";

/** `--log-driver`: docker's two drivers that write files are one here. */
export function parseLogDriver(text: string): LogDriver {
  if (text === "none") return "none";
  if (text === "json-file" || text === "local" || text === "") return "files";
  throw new EngineError({
    kind: "notImplemented",
    code: "NOT_IMPLEMENTED",
    message: `--log-driver \`${text}\` is not implemented yet: leave it out, logs are kept in rotated files, read them with wherry logs`,
  });
}

/** `--log-opt max-size=10m`, `--log-opt max-file=3`. */
export function parseLogOption(text: string): LogLimits {
  const [name = "", value = ""] = text.split("=", 2);
  if (name === "max-size") {
    const maxBytes = parseSize(value);
    if (maxBytes === 0) throw invalidValue("max-size must be more than nothing; for no log use --log-driver none");
    return { maxBytes };
  }
  if (name === "max-file") {
    if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > MOST_FILES)
      throw invalidValue(`max-file is between 1 and ${MOST_FILES}`);
    return { maxFiles: Number(value) };
  }
  throw invalidValue(`there is no option "${name}": use max-size or max-file`);
}

/** @throws {EngineError} INVALID_OPTION for limits of a log that is not kept */
export function logLimits(driver: LogDriver | undefined, options: readonly LogLimits[]): LogLimits {
  if (driver !== "none") return Object.assign({}, ...options) as LogLimits;
  if (options.length > 0) throw invalidOption("--log-opt and --log-driver none don't go together");
  return { maxBytes: 0 };
}
