import { printValue } from "./print-value.ts";
import { kindOf, type TemplateValue } from "./value.ts";

/**
 * Go's Sprintf for the verbs that templates use: `%v %+v %s %q %d %x %X %o %b %c %t %f %e %g %%`, with flags `- + 0 # blank`, width and
 * precision. What does not fit is reported in the text, as Go does: `%!d(string=x)`, `%!s(MISSING)`.
 */
export function sprintf(format: string, args: readonly TemplateValue[]): string {
  let used = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d*)(?:\.(\d*))?(.?)/gsu,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (verb === "") return "%!(NOVERB)";
      if (used >= args.length) return `%!${verb}(MISSING)`;
      const value = args[used];
      used += 1;
      const body = formatOne(verb, value, { flags, precision: precision === undefined ? undefined : Number(precision) });
      return pad(body ?? `%!${verb}(${kindOf(value)}=${printValue(value)})`, {
        flags,
        width: Number(width),
        numeric: typeof value === "number" || typeof value === "bigint",
      });
    },
  );
  const extra = args.slice(used);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.map((value) => `${kindOf(value)}=${printValue(value)}`).join(", ")})`;
}

interface Shape {
  readonly flags: string;
  readonly precision: number | undefined;
}

function formatOne(verb: string, value: TemplateValue, shape: Shape): string | undefined {
  switch (verb) {
    case "v":
      return printValue(value, { names: shape.flags.includes("+") });
    case "s":
      return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
        ? undefined
        : cut(printValue(value), shape.precision);
    case "q":
      return typeof value === "string" ? JSON.stringify(cut(value, shape.precision)) : undefined;
    case "t":
      return typeof value === "boolean" ? String(value) : undefined;
    case "x":
    case "X": {
      const hex = typeof value === "string" ? Buffer.from(value).toString("hex") : formatInteger(value, 16, shape);
      return verb === "X" ? hex?.toUpperCase() : hex;
    }
    case "d":
      return formatInteger(value, 10, shape);
    case "o":
      return formatInteger(value, 8, shape);
    case "b":
      return formatInteger(value, 2, shape);
    case "c":
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0x10ffff ? String.fromCodePoint(Number(value)) : undefined;
    case "f":
    case "F":
      return typeof value === "number"
        ? signed(value, shape.flags) + Math.abs(value).toFixed(Math.min(shape.precision ?? 6, 100))
        : undefined;
    case "e":
      return typeof value === "number"
        ? signed(value, shape.flags) +
            Math.abs(value)
              .toExponential(Math.min(shape.precision ?? 6, 100))
              .replace(/e([-+])(\d)$/, "e$10$2")
        : undefined;
    case "g":
      return typeof value === "number"
        ? printValue(shape.precision === undefined ? value : Number(value.toPrecision(Math.max(1, Math.min(shape.precision, 100)))))
        : undefined;
    default:
      return undefined;
  }
}

function formatInteger(value: TemplateValue, base: number, shape: Shape): string | undefined {
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) return undefined;
  const whole = BigInt(value);
  return signed(whole, shape.flags) + (whole < 0n ? -whole : whole).toString(base);
}

function signed(value: number | bigint, flags: string): string {
  if (value < 0) return "-";
  if (flags.includes("+")) return "+";
  return flags.includes(" ") ? " " : "";
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : [...text].slice(0, precision).join("");
}

function pad(text: string, shape: { readonly flags: string; readonly width: number; readonly numeric: boolean }): string {
  const missing = Math.min(shape.width, 10_000) - [...text].length;
  if (missing <= 0) return text;
  if (shape.flags.includes("-")) return text + " ".repeat(missing);
  if (!shape.flags.includes("0") || !shape.numeric) return " ".repeat(missing) + text;
  const sign = /^[-+ ]/.test(text) ? text.charAt(0) : "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}
