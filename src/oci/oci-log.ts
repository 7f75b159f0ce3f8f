import { appendFileSync, writeSync } from "node:fs";

export type LogLevel = "debug" | "info" | "warning" | "error";

export interface LogTarget {
  /** `--log`; undefined: standard error. */
  readonly path: string | undefined;
  readonly format: "text" | "json";
}

/** One line as logrus writes it, which engines parse: containerd and conmon look for `level` and `msg`. */
export function formatLogLine(
  format: LogTarget["format"],
  entry: { readonly level: LogLevel; readonly msg: string; readonly time: Date },
): string {
  const { level, msg } = entry;
  const time = entry.time.toISOString().replace(/\.\d+Z$/, "Z");
  if (format === "json") return `${JSON.stringify({ level, msg, time })}\n`;
  return `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}\n`;
}

/** Appends a line. A log that can't be written is no error: the command's own outcome matters more. */
export function writeLog(target: LogTarget, level: LogLevel, msg: string): void {
  const line = formatLogLine(target.format, { level, msg, time: new Date() });
  try {
    if (target.path === undefined) writeSync(2, line);
    else appendFileSync(target.path, line, { mode: 0o644 });
  } catch {
    // See above.
  }
}
