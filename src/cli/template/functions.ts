import { printableJson } from "../../core/printable.ts";
import { equalsAny, isLess } from "./compare.ts";
import { printValue } from "./print-value.ts";
import { sprintf } from "./printf.ts";
import { entriesOf, isTruthy, kindOf, type TemplateValue } from "./value.ts";

type TemplateFunction = (...args: TemplateValue[]) => TemplateValue;

/**
 * Go's predefined functions and docker's additions. They throw plain Errors, to which the evaluator adds the place. `and` and `or` are the
 * evaluator's, because they don't evaluate all of their arguments.
 * @see https://pkg.go.dev/text/template#hdr-Functions
 * @see https://docs.docker.com/engine/cli/formatting/
 */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  eq: (first, ...others) => equalsAny(first, others),
  ne: (a, b) => !equalsAny(a, [b]),
  lt: (a, b) => isLess(a, b),
  le: (a, b) => isLess(a, b) || equalsAny(a, [b]),
  gt: (a, b) => isLess(b, a),
  ge: (a, b) => isLess(b, a) || equalsAny(a, [b]),
  not: (value) => !isTruthy(value),

  len: (value) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    if (Array.isArray(value)) return value.length;
    if (kindOf(value) === "map") return entriesOf(value).length;
    throw new Error(`len of type ${kindOf(value)}`);
  },
  index: (value, ...keys) => keys.reduce(indexOnce, value),
  slice,
  call: (callee, ...args) => {
    if (typeof callee !== "function") throw new Error("call of something that is no function");
    return callee(...args) as TemplateValue;
  },

  print: (...args) => joinOperands(args),
  println: (...args) => `${args.map((arg) => printValue(arg)).join(" ")}\n`,
  printf: (format, ...args) => sprintf(requireString("printf", format), args),
  html: (...args) => joinOperands(args).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`),
  urlquery: (...args) => encodeURIComponent(joinOperands(args)).replaceAll("%20", "+"),
  js: (...args) => JSON.stringify(joinOperands(args)).slice(1, -1),

  json: (value) => printableJson(stringify(value)),
  split: (text, separator) => requireString("split", text).split(requireString("split", separator)),
  join: (list, separator) =>
    requireList("join", list)
      .map((item) => requireString("join", item))
      .join(requireString("join", separator)),
  title: (text) =>
    requireString("title", text).replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (text) => requireString("lower", text).toLowerCase(),
  upper: (text) => requireString("upper", text).toUpperCase(),
  pad: (text, before, after) => {
    const body = requireString("pad", text);
    return body === "" ? "" : " ".repeat(requireCount("pad", before)) + body + " ".repeat(requireCount("pad", after));
  },
  truncate: (text, length) => [...requireString("truncate", text)].slice(0, requireCount("truncate", length)).join(""),
};

/** All names that a template may call. */
export const functionNames: ReadonlySet<string> = new Set([...Object.keys(templateFunctions), "and", "or"]);

function stringify(value: TemplateValue): string {
  return JSON.stringify(value ?? null, (_, item: unknown) => (typeof item === "bigint" ? Number(item) : item)) ?? "null";
}

function indexOnce(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (Array.isArray(value) || typeof value === "string") {
    const at = requireIndex(key);
    if (typeof value === "string") {
      const bytes = Buffer.from(value);
      if (at >= bytes.length) throw new Error(`index out of range: ${at}`);
      return bytes[at];
    }
    if (at >= value.length) throw new Error(`index out of range: ${at}`);
    return value[at] as TemplateValue;
  }
  if (kindOf(value) === "map") {
    const found = entriesOf(value).find(([name]) => name === key);
    // The zero value of the element type, which is text in nearly all of docker's maps.
    return found === undefined ? "" : found[1];
  }
  if (value === null || value === undefined) throw new Error("index of untyped nil");
  throw new Error(`can't index item of type ${kindOf(value)}`);
}

function slice(value: TemplateValue, from: TemplateValue = 0, to?: TemplateValue): TemplateValue {
  const length = typeof value === "string" ? Buffer.byteLength(value) : Array.isArray(value) ? value.length : undefined;
  if (length === undefined) throw new Error(`can't slice item of type ${kindOf(value)}`);
  const start = requireIndex(from);
  const end = to === undefined ? length : requireIndex(to);
  if (start > length || end > length) throw new Error(`index out of range: ${Math.max(start, end)}`);
  if (start > end) throw new Error(`invalid slice index: ${start} > ${end}`);
  if (typeof value === "string") return Buffer.from(value).subarray(start, end).toString();
  return Array.isArray(value) ? value.slice(start, end) : undefined;
}

/** As Go's Sprint: a blank only between operands of which neither is a text. */
function joinOperands(args: readonly TemplateValue[]): string {
  return args.reduce<string>((text, arg, index) => {
    const blank = index > 0 && typeof arg !== "string" && typeof args[index - 1] !== "string";
    return `${text}${blank ? " " : ""}${printValue(arg)}`;
  }, "");
}

function requireString(name: string, value: TemplateValue): string {
  if (typeof value !== "string") throw new Error(`wrong type for value in ${name}; expected string; got ${kindOf(value)}`);
  return value;
}

function requireList(name: string, value: TemplateValue): readonly TemplateValue[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`wrong type for value in ${name}; expected a list; got ${kindOf(value)}`);
  return value;
}

function requireIndex(value: TemplateValue): number {
  const index = typeof value === "bigint" ? Number(value) : value;
  if (typeof index !== "number" || !Number.isInteger(index)) throw new Error(`cannot index list or text with type ${kindOf(value)}`);
  if (index < 0) throw new Error(`index out of range: ${index}`);
  return index;
}

function requireCount(name: string, value: TemplateValue): number {
  const count = requireIndex(value);
  if (count > 10_000) throw new Error(`${name} by ${count} is too much`);
  return count;
}
