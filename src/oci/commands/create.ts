import { createContainer } from "../../runtime/create-container.ts";
import { parseLine } from "../command-line.ts";
import { oneId } from "../container-argument.ts";
import { createFlags, createRequest } from "../create-flags.ts";
import type { OciCommand } from "../oci-context.ts";

export const create: OciCommand = {
  flags: createFlags,
  async run(args, context) {
    const { values, words } = parseLine(createFlags, args);
    const started = await createContainer({ ...createRequest(oneId("create", words), values, context), mode: "wait" });
    // Until the launcher is gone the process is not its caller's.
    await started.connection.ended;
    return 0;
  },
};
