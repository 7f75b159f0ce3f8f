import { invalidValue, parsedListFlag } from "../flags/flag-spec.ts";

/** `-f KEY=VALUE`, repeated: values of one key are alternatives, different keys must all hold. */
export const filterFlag = parsedListFlag("Filter output based on conditions provided", {
  short: "f",
  valueName: "filter",
  parse: parseFilter,
});

function parseFilter(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalidValue(`invalid filter '${text}': use KEY=VALUE`);
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

export function groupFilters(filters: readonly (readonly [string, string])[]): Record<string, readonly string[]> {
  const grouped = new Map<string, string[]>();
  for (const [key, value] of filters) grouped.set(key, [...(grouped.get(key) ?? []), value]);
  return Object.fromEntries(grouped);
}
