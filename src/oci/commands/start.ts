import { startContainer } from "../../runtime/start-container.ts";
import { parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

export const start: OciCommand = {
  flags: {},
  async run(args, context) {
    await startContainer(oneContainer("start", parseLine({}, args).words, context), context.warn);
    return 0;
  },
};
