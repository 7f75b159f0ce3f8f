import { entriesOf, kindOf, type TemplateValue } from "./value.ts";

/**
 * A value as Go's `%v` writes it: `[a b]`, `map[k:v]`, `{1 2}`, `<nil>`; with `names` as `%+v`: `{Name:1}`.
 * @see https://pkg.go.dev/fmt
 */
export function printValue(value: TemplateValue, options: { readonly names?: boolean } = {}): string {
  switch (kindOf(value)) {
    case "missing":
      return "<no value>";
    case "nil":
    case "function":
      return "<nil>";
    case "list":
      return `[${(Array.isArray(value) ? value : []).map((item: unknown) => printValue(item, options)).join(" ")}]`;
    case "map":
      return `map[${entriesOf(value)
        .map(([key, item]) => `${key}:${printValue(item, options)}`)
        .join(" ")}]`;
    case "struct":
      return `{${entriesOf(value)
        .map(([key, item]) => (options.names === true ? `${key}:` : "") + printValue(item, options))
        .join(" ")}}`;
    default:
      return printScalar(value);
  }
}

function printScalar(value: unknown): string {
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  // Go's %v of a float is the shortest %g, with two digits at least in the exponent.
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, "e$10$2");
}
