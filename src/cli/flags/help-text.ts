import type { Verb } from "../verb.ts";
import type { FlagTable } from "./flag-spec.ts";
import { wrapText } from "./wrap-text.ts";

const WIDTH = 80;

/** `wherry VERB --help` in docker's shape: usage, summary, details, aliases, options. */
export function verbHelp(verb: Verb, name: string): string {
  const sections = [`Usage:  ${name} ${verb.usage}`.trimEnd(), verb.summary];
  if (verb.details !== undefined) sections.push(wrapText(verb.details, WIDTH).join("\n"));
  if (verb.aliases !== undefined && verb.aliases.length > 1) sections.push(`Aliases:\n  ${verb.aliases.join(", ")}`);
  const options = optionsText(verb.flags);
  if (options !== "") sections.push(`Options:\n${options}`);
  return `${sections.join("\n\n")}\n`;
}

/** The flags of a table, sorted by long name, in two aligned columns; descriptions are wrapped. */
export function optionsText(flags: FlagTable): string {
  const rows = Object.entries(flags)
    .filter(([, spec]) => spec.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, spec]) => {
      const short = spec.short === undefined ? "    " : `-${spec.short}, `;
      const value = spec.valueWhenAlone === undefined ? ` ${spec.valueName}` : `[=${spec.valueName}]`;
      const fallback = spec.defaultText === undefined ? "" : ` (default ${spec.defaultText})`;
      return { left: `  ${short}--${name}${spec.valueName === "" ? "" : value}`, right: `${spec.help}${fallback}` };
    });
  const column = Math.max(0, ...rows.map((row) => row.left.length)) + 3;
  return rows
    .flatMap((row) =>
      wrapText(row.right, Math.max(WIDTH - column, 24)).map((line, index) => `${(index === 0 ? row.left : "").padEnd(column)}${line}`),
    )
    .map((line) => line.trimEnd())
    .join("\n");
}
