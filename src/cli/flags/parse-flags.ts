import { EngineError } from "../../core/engine-error.ts";
import type { FlagSpec, FlagTable, FlagValues } from "./flag-spec.ts";

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** What is not a flag, in order. */
  readonly positionals: readonly string[];
  /** `--help` (or `-h`, where the verb has no other use for it) was among the flags; nothing after it was looked at. */
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
  const parser = new FlagParser(table, args);
  parser.parse(options.stopAtPositional ?? false);
  return { values: parser.values as FlagValues<T>, positionals: parser.positionals, helpRequested: parser.helpRequested };
}

interface NamedFlag {
  readonly name: string;
  readonly spec: FlagSpec<unknown>;
}

class FlagParser {
  readonly values: Record<string, unknown> = {};
  readonly positionals: string[] = [];
  helpRequested = false;
  readonly #args: readonly string[];
  readonly #byLong = new Map<string, NamedFlag>();
  readonly #byShort = new Map<string, NamedFlag>();
  #position = 0;

  constructor(table: FlagTable, args: readonly string[]) {
    this.#args = args;
    for (const [name, spec] of Object.entries(table)) {
      const flag = { name, spec };
      this.values[name] = spec.initial;
      this.#byLong.set(name, flag);
      for (const alias of spec.aliases ?? []) this.#byLong.set(alias, flag);
      if (spec.short !== undefined) this.#byShort.set(spec.short, flag);
    }
  }

  parse(stopAtPositional: boolean): void {
    for (let arg = this.#next(); arg !== undefined && !this.helpRequested; arg = this.#next()) {
      if (arg === "--") this.#takeRest();
      else if (arg === "-" || !arg.startsWith("-")) {
        this.positionals.push(arg);
        if (stopAtPositional) this.#takeRest();
      } else if (arg.startsWith("--")) this.#parseLong(arg);
      else this.#parseShortGroup(arg);
    }
  }

  #next(): string | undefined {
    const arg = this.#args[this.#position];
    this.#position += 1;
    return arg;
  }

  #takeRest(): void {
    this.positionals.push(...this.#args.slice(this.#position));
    this.#position = this.#args.length;
  }

  #parseLong(arg: string): void {
    const equals = arg.indexOf("=");
    const name = arg.slice(2, equals < 0 ? undefined : equals);
    if (name === "" || name.startsWith("-")) throw usageError("CLI_FLAG_UNKNOWN", `bad flag syntax: ${arg}`);
    const flag = this.#byLong.get(name);
    if (flag === undefined) {
      if (name !== "help") throw usageError("CLI_FLAG_UNKNOWN", `unknown flag: --${name}`, { flag: name });
      this.helpRequested = true;
    } else if (equals >= 0) this.#set(flag, arg.slice(equals + 1));
    else if (flag.spec.isSwitch) this.#set(flag, "true");
    else this.#set(flag, flag.spec.valueWhenAlone ?? this.#nextValue(`--${name}`));
  }

  /** `-it`, `-m512m`, `-itm 512m`: switches, and at most one flag with a value as the last. */
  #parseShortGroup(arg: string): void {
    for (let group = arg.slice(1); group !== ""; ) {
      const letter = group.charAt(0);
      const rest = group.slice(1);
      const flag = this.#byShort.get(letter);
      if (flag === undefined) {
        if (letter !== "h") throw usageError("CLI_FLAG_UNKNOWN", `unknown shorthand flag: '${letter}' in -${group}`, { flag: letter });
        this.helpRequested = true;
        return;
      }
      if (flag.spec.isSwitch && !rest.startsWith("=")) {
        this.#set(flag, "true");
        group = rest;
        continue;
      }
      this.#set(flag, rest === "" ? this.#nextValue(`'${letter}' in -${group}`) : rest.replace(/^=/, ""));
      return;
    }
  }

  #nextValue(shown: string): string {
    const value = this.#next();
    if (value === undefined) throw usageError("CLI_FLAG_VALUE_MISSING", `flag needs an argument: ${shown}`);
    return value;
  }

  #set({ name, spec }: NamedFlag, text: string): void {
    try {
      this.values[name] = spec.take(this.values[name], text);
    } catch (error) {
      if (error instanceof EngineError && error.kind === "notImplemented") throw error;
      throw flagValueError(text, spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`, error);
    }
  }
}

/** What is wrong with a flag's value, in docker's words. `shown`: the flag as its help shows it. */
export function flagValueError(text: string, shown: string, error: unknown): EngineError {
  const reason = error instanceof Error ? error.message : String(error);
  return new EngineError({
    kind: "invalidArgument",
    code: "CLI_FLAG_VALUE_INVALID",
    message: `invalid argument "${text}" for "${shown}" flag: ${reason}`,
    cause: error,
  });
}

function usageError(code: string, message: string, details: Readonly<Record<string, unknown>> = {}): EngineError {
  return new EngineError({ kind: "invalidArgument", code, message, details });
}
