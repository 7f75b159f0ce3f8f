import { invalidOption } from "../../core/invalid-option.ts";
import { listProcesses } from "../../kernel/list-processes.ts";
import { containerPids } from "../../runtime/container-pids.ts";
import { containerFiles, readRecord } from "../../runtime/container-record.ts";
import { parseLine } from "../command-line.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = { format: { takes: "value", aliases: ["f"] } } as const;

export const ps: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const [id, ...psArguments] = words;
    if (id === undefined) throw invalidOption("ps: the container's id is missing");
    const pids = containerPids(readRecord(containerFiles(context.root, id)));
    const { format = "table" } = values;
    if (format === "json") context.print(`${JSON.stringify(pids)}\n`);
    else if (format === "table") context.print(`${listProcesses(pids, psArguments.length === 0 ? ["-ef"] : psArguments).join("\n")}\n`);
    else throw invalidOption("invalid format option");
    return 0;
  },
};
