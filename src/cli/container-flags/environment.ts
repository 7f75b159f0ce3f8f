import { readFileSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The container's variables from `--env-file` and `-e`, files first, as docker orders them. `NAME` alone takes the caller's value; without
 * one it is left out of a file, and `-e` removes the image's. `NAME=` is empty.
 * @throws {EngineError} INVALID_OPTION, CLI_FILE_UNREADABLE
 */
export function readEnvironment(
  given: { readonly files: readonly string[]; readonly variables: readonly string[] },
  caller: Environment,
): string[] {
  const lines = given.files.flatMap((file) => readNameValueFile(file, "environment variables"));
  const resolve = (entry: string) => {
    const equals = entry.indexOf("=");
    if (entry === "" || equals === 0)
      throw invalidOption(`invalid environment variable \`${entry}\`: use NAME=VALUE, or NAME to pass your own on`);
    const value = equals > 0 ? undefined : callersVariable(caller, entry);
    return value === undefined ? entry : `${entry}=${value}`;
  };
  return [...lines.map(resolve).filter((entry) => entry.includes("=")), ...given.variables.map(resolve)];
}

/** What its own runtime would obey (NODE_OPTIONS), our front program has set aside under another name (launcher/front.c). */
function callersVariable(caller: Environment, name: string): string | undefined {
  const aside = caller[`WHERRY_CALLERS_${name}`];
  if (aside !== undefined) return aside;
  return /^(BUN_|JSC_|NODE_|mimalloc_)/i.test(name) ? undefined : caller[name];
}

/**
 * Labels from `--label-file` and `-l`; later ones win. `NAME` alone is the empty value.
 * @throws {EngineError} INVALID_OPTION, CLI_FILE_UNREADABLE
 */
export function readLabels(given: { readonly files: readonly string[]; readonly labels: readonly string[] }): Record<string, string> {
  const lines = given.files.flatMap((file) => readNameValueFile(file, "labels"));
  return toMap([...lines, ...given.labels], "label");
}

/** `NAME=VALUE` texts as a map; later ones win. */
export function toMap(entries: readonly string[], what: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (name === "") throw invalidOption(`invalid ${what} \`${entry}\`: the name before = is missing`);
    map[name] = equals < 0 ? "" : entry.slice(equals + 1);
  }
  return map;
}

/** Lines `NAME=VALUE` or `NAME`; blank ones and those that start with # are skipped; blanks before a name are, too. */
function readNameValueFile(path: string, what: string): string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError({
      kind: "invalidArgument",
      code: "CLI_FILE_UNREADABLE",
      message: `read ${what} from \`${path}\`: ${reason}`,
      cause: error,
    });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidOption(`read ${what} from \`${path}\`: not valid UTF-8`);
  }
  return text.split("\n").flatMap((rawLine, index) => {
    const line = rawLine.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) return [];
    const name = line.split("=", 1)[0] ?? "";
    if (name === "") throw invalidOption(`read ${what} from \`${path}\`: line ${index + 1} has no name before =`);
    if (/\s/.test(name))
      throw invalidOption(`read ${what} from \`${path}\`: the name \`${name}\` in line ${index + 1} contains whitespace`);
    return [line];
  });
}
