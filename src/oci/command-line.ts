import { invalidOption } from "../core/invalid-option.ts";

/** How a flag is written: `-b`, `--bundle`, with a value or without, once or several times. */
export interface FlagKind {
  readonly takes: "switch" | "value" | "list";
  readonly aliases?: readonly string[];
}

export type FlagTable = Readonly<Record<string, FlagKind>>;

type ValueOf<Kind extends FlagKind> = Kind["takes"] extends "switch"
  ? boolean
  : Kind["takes"] extends "list"
    ? readonly string[]
    : string | undefined;

export type FlagValues<Table extends FlagTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

export interface ParsedLine<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** From the first word on that is no flag. */
  readonly words: readonly string[];
}

/**
 * Parses as Go's flag package does, on which runc's command line rests: `-flag`, `--flag`, `--flag=value`, `--flag value`; the first word
 * that is no flag ends them, and so does `--`.
 * @throws {EngineError} INVALID_OPTION in Go's words.
 * @see https://pkg.go.dev/flag#hdr-Command_line_flag_syntax
 */
export function parseLine<const Table extends FlagTable>(table: Table, args: readonly string[]): ParsedLine<Table> {
  const names = new Map<string, string>();
  const values: Record<string, boolean | string | undefined | string[]> = {};
  for (const [name, { takes, aliases = [] }] of Object.entries(table)) {
    values[name] = takes === "switch" ? false : takes === "list" ? [] : undefined;
    for (const written of [name, ...aliases]) names.set(written, name);
  }
  let at = 0;
  while (at < args.length) {
    const word = args[at] ?? "";
    if (word === "--") {
      at += 1;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    at += 1;
    const [written, inline] = split(word.replace(/^--?/, ""));
    const name = names.get(written);
    const kind = name === undefined ? undefined : table[name];
    if (name === undefined || kind === undefined) throw invalidOption(`flag provided but not defined: -${written}`);
    if (kind.takes === "switch") {
      values[name] = parseSwitch(inline, written);
      continue;
    }
    const value = inline ?? args[at];
    if (value === undefined) throw invalidOption(`flag needs an argument: -${written}`);
    if (inline === undefined) at += 1;
    const present = values[name];
    if (Array.isArray(present)) present.push(value);
    else values[name] = value;
  }
  return { values: values as FlagValues<Table>, words: args.slice(at) };
}

function split(word: string): readonly [string, string | undefined] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function parseSwitch(value: string | undefined, written: string): boolean {
  if (value === undefined || /^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw invalidOption(`invalid boolean value "${value}" for -${written}`);
}
