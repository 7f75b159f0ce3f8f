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
    const states = listContainerIds(context.root).flatMap((id) => {
      const files = containerFiles(context.root, id);
      const record = findRecord(files);
      return record === null ? [] : [stateOf(files, record)];
    });
    if (values.quiet) context.print(states.map(({ id }) => `${String(id)}\n`).join(""));
    else if (format === "json") context.print(`${states.length === 0 ? "null" : JSON.stringify(states)}\n`);
    else context.print(table(states));
    return 0;
  },
};

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
