import { writeSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import { type FlagTable, parseLine } from "../command-line.ts";
import { commands } from "../commands.ts";
import { globalFlags } from "../global-flags.ts";
import { type CommandHelp, commandHelp, globalHelp } from "./command-help.ts";

/** `wherry oci`, or what the program was called as. */
function programName(): string {
  return /(?:^|\/)(wherry-(?:oci|runc))$/.exec(process.argv0)?.[1] ?? "wherry oci";
}

/** Prints what commands and global options there are. Returns the exit code. */
export function printHelp(): number {
  writeSync(1, overview(programName()));
  return 0;
}

/** `help [COMMAND]`. Resolves with the exit code. @throws {EngineError} INVALID_OPTION: there is no such command */
export async function printHelpFor(name: string | undefined): Promise<number> {
  if (name === undefined) return printHelp();
  const command = await commands[name]?.();
  const help = commandHelp[name];
  if (command === undefined || help === undefined) throw invalidOption(`No help topic for '${name}'`);
  writeSync(1, commandText(programName(), { name, help, flags: command.flags }));
  return 0;
}

/**
 * Prints a command's help if one of the words is its `--help` or `-h`: not a flag's value, and not what follows the container's id, which
 * may be the arguments of a process. Resolves with whether it was.
 */
export async function printWhenAsked(name: string, words: readonly string[]): Promise<boolean> {
  const command = await commands[name]?.();
  if (command === undefined || !asked(command.flags, words)) return false;
  await printHelpFor(name);
  return true;
}

const { help: helpFlag } = globalFlags;

function asked(flags: FlagTable, words: readonly string[]): boolean {
  try {
    return parseLine({ ...flags, help: helpFlag }, words).values.help;
  } catch (error) {
    // The command says itself what is wrong.
    if (error instanceof EngineError) return false;
    throw error;
  }
}

/** The help of the whole program. */
export function overview(program: string): string {
  const list = Object.keys(commands)
    .sort()
    .map((name) => `  ${name.padEnd(12)}${commandHelp[name]?.summary ?? ""}\n`);
  return [
    `${program}: an OCI runtime for other engines, with runc's command line\n\n`,
    `Usage: ${program} [global options] COMMAND [options] [ARGUMENT…]\n\n`,
    "A container is made of a bundle: a directory with config.json and a root file system.\n\n",
    `    ${program} run -b DIR ID\n\n`,
    `Commands:\n${list.join("")}  ${"help".padEnd(12)}print this help, or that of a command\n\n`,
    `Global options, before the command:\n${flagList(globalFlags, globalHelp)}\n`,
    `\`${program} COMMAND --help\` tells a command's own options.\n`,
  ].join("");
}

/** The help of one command. */
export function commandText(
  program: string,
  { name, help, flags }: { readonly name: string; readonly help: CommandHelp; readonly flags: FlagTable },
): string {
  const { summary, usage, description, examples = [] } = help;
  return [
    `${program} ${name}: ${summary}\n\n`,
    `Usage: ${`${program} [global options] ${name} ${usage.replace("%s", program)}`.trimEnd()}\n`,
    description === undefined ? "" : `\n${description}\n`,
    examples.length === 0 ? "" : `\n${examples.map((line) => `    ${program} ${line}\n`).join("")}`,
    `\nOptions:\n${flagList({ ...flags, help: helpFlag }, { ...help.flags, help: ["", "print this help"] })}`,
  ].join("");
}

function flagList(flags: FlagTable, texts: CommandHelp["flags"]): string {
  const rows = Object.entries(flags).map(([name, { aliases = [] }]) => {
    const [placeholder = "", text = ""] = texts[name] ?? [];
    const written = [`--${name}`, ...aliases.map((alias) => `-${alias}`)].join(", ");
    return { written: placeholder === "" ? written : `${written} ${placeholder}`, text };
  });
  const width = Math.max(...rows.map(({ written }) => written.length)) + 2;
  return rows.map(({ written, text }) => `  ${written.padEnd(width)}${text}\n`).join("");
}
