import { invalidOption } from "../../core/invalid-option.ts";
import { parseSignal } from "../../core/signals.ts";
import { containerFiles } from "../../runtime/container-record.ts";
import { killContainer } from "../../runtime/kill-container.ts";
import { parseLine } from "../command-line.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = { all: { takes: "switch", aliases: ["a"] } } as const;

export const kill: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const [id, signal = "SIGTERM", ...more] = words;
    if (id === undefined) throw invalidOption("kill: the container's id is missing");
    // Flags may follow the id, as engines have them: `kill ID KILL --all`.
    const trailing = parseLine(flags, more);
    await killContainer(containerFiles(context.root, id), {
      // 0 asks whether it is there.
      signal: signal === "0" ? 0 : parseSignal(signal),
      all: values.all || trailing.values.all,
      launcher: context.launcher,
    });
    return 0;
  },
};
