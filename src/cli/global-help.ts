import type { CliContext } from "./cli-context.ts";
import { closest } from "./flags/closest.ts";
import { optionsText, verbHelp } from "./flags/help-text.ts";
import { globalFlags } from "./global-flags.ts";
import { missingVerbs } from "./missing-verbs.ts";
import { groups, type VerbEntry, verbs } from "./verb-table.ts";

/** Not in the table: it is a program of its own, with runc's options, and the first word decides (main.ts). */
const oci = { name: "oci", summary: "An OCI runtime for other engines, with runc's command line (wherry oci --help)" };

type Sinks = Pick<CliContext, "stdout" | "stderr">;

/** `wherry help [VERB]`, `wherry --help`, `wherry` alone and `wherry container` alone. */
export async function printHelp(sinks: Sinks, words: readonly string[]): Promise<number> {
  const [first = "", second = ""] = words;
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  const entries = group?.verbs ?? verbs;
  const word = group === undefined ? first : second;
  if (word === "") {
    await sinks.stdout.write(group === undefined ? globalHelp() : groupHelp(first));
    return 0;
  }
  const entry = Object.hasOwn(entries, word) ? entries[word] : undefined;
  if (entry === undefined) return await reportUnknownCommand(sinks, words);
  await sinks.stdout.write(verbHelp(await entry.load(), group === undefined ? `wherry ${word}` : `wherry ${first} ${word}`));
  return 0;
}

/** Says that there is no such command, and which one may be meant. */
export async function reportUnknownCommand(sinks: Sinks, words: readonly string[]): Promise<number> {
  const [first = "", second = ""] = words;
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  const prefix = group === undefined ? "wherry" : `wherry ${first}`;
  const word = group === undefined ? first : second;
  const missing = group === undefined ? first : `${first} ${second}`;
  const remedy = Object.hasOwn(missingVerbs, missing) ? missingVerbs[missing] : undefined;
  if (remedy !== undefined) {
    await sinks.stderr.write(`wherry: \`${prefix} ${word}\` is not implemented yet: ${remedy}\n`);
    return 1;
  }
  if (missing === oci.name) {
    await sinks.stderr.write("wherry: `oci` comes first and has options of its own: wherry oci [--root DIR] COMMAND\n");
    return 1;
  }
  const near = closest(word, Object.keys(group?.verbs ?? { ...verbs, ...groups }));
  const hint = near === undefined ? "" : ` (did you mean ${prefix} ${near}?)`;
  await sinks.stderr.write(`wherry: unknown command: ${prefix} ${word}${hint}\n\nRun '${prefix} --help' for more information\n`);
  return 1;
}

function globalHelp(): string {
  return [
    "Usage:  wherry [OPTIONS] COMMAND",
    "A container engine without a daemon that can show every kernel step it takes",
    `Common Commands:\n${commandList(inGroup("common"))}`,
    `Management Commands:\n${commandList(Object.entries(groups))}`,
    `Commands:\n${commandList(inGroup("command"))}`,
    `For other engines:\n${commandList([[oci.name, oci]])}`,
    `Global Options:\n${optionsText(globalFlags)}`,
    "Run 'wherry COMMAND --help' for more information on a command.\n",
  ].join("\n\n");
}

function groupHelp(name: string): string {
  const group = groups[name];
  const list = commandList(Object.entries(group?.verbs ?? {}).filter(([, entry]) => entry.group !== undefined));
  return `Usage:  wherry ${name} COMMAND\n\n${group?.summary ?? ""}\n\nCommands:\n${list}\n\nRun 'wherry ${name} COMMAND --help' for more information on a command.\n`;
}

function inGroup(group: VerbEntry["group"]): [string, VerbEntry][] {
  return Object.entries(verbs).filter(([, entry]) => entry.group === group);
}

function commandList(entries: readonly (readonly [string, { readonly summary: string }])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  // What is listed under "common" stands in the order of its importance, as the table has it.
  return entries.map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}`).join("\n");
}
