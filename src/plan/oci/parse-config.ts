/** Where a number of more than 2^53 may stand whose every bit counts: a system call's argument in a seccomp rule. */
const LARGE = /"value(?:Two)?"\s*:\s*\d{16}/;

/** The third argument of a reviver, which Bun and Node 22 give (TC39 "JSON.parse source text access"). */
interface Source {
  readonly source?: string;
}

/**
 * JSON.parse, except that `value` and `valueTwo` beyond 2^53 come out as their digits, a string, since a number would lose the last of them.
 * @throws {SyntaxError}
 */
export function parseConfig(text: string): unknown {
  if (!LARGE.test(text)) return JSON.parse(text);
  const keepDigits = (key: string, value: unknown, context?: Source): unknown =>
    (key === "value" || key === "valueTwo") && typeof value === "number" && !Number.isSafeInteger(value)
      ? (context?.source ?? value)
      : value;
  return JSON.parse(text, keepDigits);
}
