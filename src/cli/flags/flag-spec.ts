import { EngineError } from "../../core/engine-error.ts";
import { parseSize } from "../../core/size.ts";

/** One flag of a verb: all that parsing, `--help` and completion need to know. `V` is what the verb gets. */
export interface FlagSpec<V> {
  readonly short?: string;
  /** The word after the flag in `--help`; empty for a switch. */
  readonly valueName: string;
  readonly help: string;
  /** As `--help` prints it, with quotes where docker has them. */
  readonly defaultText?: string;
  /** A switch: `--flag` alone means `--flag=true`, and the next argument is never its value. */
  readonly isSwitch: boolean;
  /** For a flag with an optional value (`--explain[=only]`): what it is worth alone. */
  readonly valueWhenAlone?: string;
  /** Other long spellings, not shown. */
  readonly aliases?: readonly string[];
  /** Accepted, but not shown in `--help`. */
  readonly hidden?: boolean;
  readonly initial: V;
  /** The value after one more occurrence. Throws an EngineError or Error whose message completes docker's `invalid argument` line. */
  take(current: V, text: string): V;
}

/** The flags of one verb by long name. Order does not matter: `--help` sorts. */
export type FlagTable = Readonly<Record<string, FlagSpec<unknown>>>;

/** The values that parsing yields, by long name. */
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: T[K] extends FlagSpec<infer V> ? V : never };

type Extra = Partial<Pick<FlagSpec<unknown>, "short" | "defaultText" | "aliases" | "hidden" | "valueName">>;

/** `--flag`, `--flag=false`. */
export function switchFlag(help: string, extra: Extra & { readonly initial?: boolean } = {}): FlagSpec<boolean> {
  const { initial = false, ...rest } = extra;
  return {
    valueName: "",
    help,
    isSwitch: true,
    initial,
    ...(initial ? { defaultText: "true" } : {}),
    ...rest,
    take: (_, text) => parseBoolean(text),
  };
}

/** A switch that tells "not given" from "false". */
export function optionalSwitchFlag(help: string, extra: Extra = {}): FlagSpec<boolean | undefined> {
  return { valueName: "", help, isSwitch: true, initial: undefined, ...extra, take: (_, text) => parseBoolean(text) };
}

/** One text; the last occurrence counts. Absent is undefined, `--flag ""` is the empty text. */
export function stringFlag(help: string, extra: Extra = {}): FlagSpec<string | undefined> {
  return { valueName: "string", help, isSwitch: false, initial: undefined, ...extra, take: (_, text) => text };
}

/** Every occurrence, in order. */
export function listFlag(help: string, extra: Extra = {}): FlagSpec<readonly string[]> {
  return parsedListFlag(help, { ...extra, parse: (text) => text });
}

/** Every occurrence, in order, each parsed. */
export function parsedListFlag<V>(help: string, extra: Extra & { readonly parse: (text: string) => V }): FlagSpec<readonly V[]> {
  const { parse, ...rest } = extra;
  return { valueName: "list", help, isSwitch: false, initial: [], ...rest, take: (current, text) => [...current, parse(text)] };
}

/** A whole number in Go's syntax (decimal, 0x, 0o, 0b). */
export function integerFlag(help: string, extra: Extra = {}): FlagSpec<number | undefined> {
  return parsedFlag(help, { valueName: "int", ...extra, parse: parseInteger });
}

/** Bytes, with docker's units. -1 passes for those flags where it means "unlimited". */
export function bytesFlag(help: string, extra: Extra & { readonly allowUnlimited?: boolean } = {}): FlagSpec<number | undefined> {
  const { allowUnlimited = false, ...rest } = extra;
  return parsedFlag(help, { valueName: "bytes", ...rest, parse: (text) => (allowUnlimited && text === "-1" ? -1 : parseSize(text)) });
}

/** One value, parsed; the last occurrence counts. */
export function parsedFlag<V>(help: string, extra: Extra & { readonly parse: (text: string) => V }): FlagSpec<V | undefined> {
  const { parse, ...rest } = extra;
  return { valueName: "string", help, isSwitch: false, initial: undefined, ...rest, take: (_, text) => parse(text) };
}

function parseBoolean(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw invalidValue(`"${text}" is neither true nor false`);
}

function parseInteger(text: string): number {
  const value = /^[-+]?(\d+|0x[0-9a-f]+|0o[0-7]+|0b[01]+)$/i.test(text) ? signedNumber(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidValue(`"${text}" is not a whole number`);
  return value;
}

function signedNumber(text: string): number {
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ""));
}

/** A flag's value that does not parse; `parseFlags` puts flag and value before the message. */
export function invalidValue(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "CLI_FLAG_VALUE_INVALID", message });
}
