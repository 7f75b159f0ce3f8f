import { EngineError } from "../../core/engine-error.ts";
import type { FlagSpec, FlagTable, FlagValues } from "./flag-spec.ts";

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** What is not a flag, in order. */
  readonly positionals: readonly string[];
  /** `--help` (or `-h`, where the verb has no other use for it) was among the flags; nothing else was checked after it. */
  readonly helpRequested: boolean;
}

/**
 * Parses with pflag's grammar, docker's parser: `-it`, `-m512m`, `-m=512m`, `-m 512m`, `--flag value`, `--flag=value`, `--rm=false`, `--` ends
 * flags. With `stopAtPositional` (`run`, `exec`) everything from the first positional on is left alone.
 * @throws {EngineError} CLI_FLAG_UNKNOWN, CLI_FLAG_VALUE_MISSING, CLI_FLAG_VALUE_INVALID in docker's words.
 * @see https://pkg.go.dev/github.com/spf13/pflag
 */
export function parseFlags<T extends FlagTable>(
  table: T,
  args: readonly string[],
  options: { readonly stopAtPositional?: boolean } = {},
): ParsedFlags<T> {
  const index = indexTable(table);
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) values[name] = spec.initial;
  const positionals: string[] = [];

  let position = 0;
  const set = (flag: IndexedFlag, text: string): void => {
    try {
      values[flag.name] = flag.spec.take(values[flag.name], text);
    } catch (error) {
      if (error instanceof EngineError && error.kind === "notImplemented") throw error;
      const shown = flag.spec.short === undefined ? `--${flag.name}` : `-${flag.spec.short}, --${flag.name}`;
      const reason = error instanceof Error ? error.message : String(error);
      throw usageError("CLI_FLAG_VALUE_INVALID", `invalid argument "${text}" for "${shown}" flag: ${reason}`, error);
    }
  };

  const finish = (helpRequested: boolean): ParsedFlags<T> => ({ values: values as FlagValues<T>, positionals, helpRequested });

  while (position < args.length) {
    const arg = args[position] ?? "";
    position += 1;
    if (arg === "--") {
      positionals.push(...args.slice(position));
      break;
    }
    if (arg === "-" || !arg.startsWith("-")) {
      positionals.push(arg);
      if (options.stopAtPositional === true) {
        positionals.push(...args.slice(position));
        break;
      }
      continue;
    }

    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = arg.slice(2, equals < 0 ? undefined : equals);
      if (name === "" || name.startsWith("-")) throw usageError("CLI_FLAG_UNKNOWN", `bad flag syntax: ${arg}`);
      const flag = index.byLong.get(name);
      if (flag === undefined) {
        if (name === "help") return finish(true);
        throw usageError("CLI_FLAG_UNKNOWN", `unknown flag: --${name}`, undefined, { flag: name });
      }
      if (equals >= 0) set(flag, arg.slice(equals + 1));
      else if (flag.spec.isSwitch) set(flag, "true");
      else if (flag.spec.valueWhenAlone !== undefined) set(flag, flag.spec.valueWhenAlone);
      else {
        const value = args[position];
        if (value === undefined) throw usageError("CLI_FLAG_VALUE_MISSING", `flag needs an argument: --${name}`);
        position += 1;
        set(flag, value);
      }
      continue;
    }

    let rest = arg.slice(1);
    while (rest !== "") {
      const letter = rest.charAt(0);
      const group = rest;
      rest = rest.slice(1);
      const flag = index.byShort.get(letter);
      if (flag === undefined) {
        if (letter === "h") return finish(true);
        throw usageError("CLI_FLAG_UNKNOWN", `unknown shorthand flag: '${letter}' in -${group}`, undefined, { flag: letter });
      }
      if (rest.startsWith("=")) {
        set(flag, rest.slice(1));
        rest = "";
      } else if (flag.spec.isSwitch) {
        set(flag, "true");
      } else if (rest !== "") {
        set(flag, rest);
        rest = "";
      } else {
        const value = args[position];
        if (value === undefined) throw usageError("CLI_FLAG_VALUE_MISSING", `flag needs an argument: '${letter}' in -${group}`);
        position += 1;
        set(flag, value);
      }
    }
  }
  return finish(false);
}

interface IndexedFlag {
  readonly name: string;
  readonly spec: FlagSpec<unknown>;
}

function indexTable(table: FlagTable): {
  readonly byLong: ReadonlyMap<string, IndexedFlag>;
  readonly byShort: ReadonlyMap<string, IndexedFlag>;
} {
  const byLong = new Map<string, IndexedFlag>();
  const byShort = new Map<string, IndexedFlag>();
  for (const [name, spec] of Object.entries(table)) {
    const flag = { name, spec };
    byLong.set(name, flag);
    for (const alias of spec.aliases ?? []) byLong.set(alias, flag);
    if (spec.short !== undefined) byShort.set(spec.short, flag);
  }
  return { byLong, byShort };
}

function usageError(code: string, message: string, cause?: unknown, details: Readonly<Record<string, unknown>> = {}): EngineError {
  return new EngineError({ kind: "invalidArgument", code, message, details, cause });
}
