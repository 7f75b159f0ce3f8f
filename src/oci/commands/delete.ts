import { deleteContainer } from "../../runtime/delete-container.ts";
import { parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = { force: { takes: "switch", aliases: ["f"] } } as const;

export const deleteCommand: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    await deleteContainer(oneContainer("delete", words, context), { force: values.force, launcher: context.launcher, warn: context.warn });
    return 0;
  },
};
