import { readFileSync, statSync } from "node:fs";
import { invalidOption } from "../../core/invalid-option.ts";
import { containerFiles, findRecord, listContainerIds } from "../../runtime/container-record.ts";
import { parseLine } from "../command-line.ts";
import type { OciCommand } from "../oci-context.ts";
import { stateOf } from "./state.ts";

const flags = { format: { takes: "value", aliases: ["f"] }, quiet: { takes: "switch", aliases: ["q"] } } as const;
const columns = ["id", "pid", "status", "bundle", "created", "owner"] as const;

export const list: OciCommand = {
  flags,
  async run(args, context) {
    const { values } = parseLine(flags, args);
    const { format = "table" } = values;
    if (format !== "table" && format !== "json") throw invalidOption("invalid format option");
    const states = listContainerIds(context.root).flatMap((id): readonly Readonly<Record<string, unknown>>[] => {
      const files = containerFiles(context.root, id);
      const record = findRecord(files);
      return record === null ? [] : [{ ...stateOf(files, record), owner: ownerOf(files.directory) }];
    });
    if (values.quiet) context.print(states.map(({ id }) => `${String(id)}\n`).join(""));
    else if (format === "json") context.print(`${states.length === 0 ? "null" : JSON.stringify(states)}\n`);
    else context.print(table(states));
    return 0;
  },
};

/** Whose container it is: a user's name, or `#UID` for one without. */
function ownerOf(directory: string): string {
  const uid = statSync(directory, { throwIfNoEntry: false })?.uid ?? 0;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.split(":")[2] === String(uid));
  return line?.split(":")[0] ?? `#${uid}`;
}

function table(states: readonly Readonly<Record<string, unknown>>[]): string {
  const rows = [columns.map((name) => name.toUpperCase()), ...states.map((state) => columns.map((name) => String(state[name])))];
  const widths = columns.map((_, column) => Math.max(12, ...rows.map((row) => (row[column] ?? "").length + 3)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("")
          .trimEnd()}\n`,
    )
    .join("");
}
