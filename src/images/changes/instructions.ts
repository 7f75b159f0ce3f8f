import { EngineError } from "../../core/engine-error.ts";

/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In lower case. */
  readonly name: string;
  /** What follows it, continued lines joined, without blanks at the ends. */
  readonly rest: string;
}

/**
 * The instructions in lines of a Dockerfile: comments and empty lines are nothing, a backslash at a line's end goes on in the next one.
 * @throws {EngineError} INVALID_CHANGE
 * @see https://docs.docker.com/reference/dockerfile/#format
 */
export function parseInstructions(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue;
    const whole: string = open === undefined ? line.trimStart() : open + line;
    const continued = /^(.*?)\\[ \t]*$/s.exec(whole);
    open = continued?.[1];
    if (open === undefined) found.push(split(whole));
  }
  if (open !== undefined) found.push(split(open));
  if (found.length === 0) throw invalidChange("file with no instructions");
  return found;
}

function split(line: string): Instruction {
  const [, name = "", rest = ""] = /^(\S*)\s*(.*)$/s.exec(line.trim()) ?? [];
  return { name: name.toLowerCase(), rest };
}

/** In docker's words. */
export function invalidChange(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_CHANGE", message });
}

/** A list in JSON's form; undefined when it is none: then it is meant for a shell, as it is when it is malformed. @throws {EngineError} INVALID_CHANGE */
export function jsonList(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  if (!parsed.every((item): item is string => typeof item === "string"))
    throw invalidChange("when using JSON array syntax, arrays must be comprised of strings only");
  return parsed;
}
