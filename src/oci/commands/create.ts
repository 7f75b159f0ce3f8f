import { createContainer } from "../../runtime/create-container.ts";
import { parseLine } from "../command-line.ts";
import { absolutePath, oneId } from "../container-argument.ts";
import { createFlags } from "../create-flags.ts";
import type { OciCommand } from "../oci-context.ts";

export const create: OciCommand = {
  async run(args, context) {
    const { values, words } = parseLine(createFlags, args);
    const started = await createContainer({
      root: context.root,
      id: oneId("create", words),
      bundle: absolutePath(values.bundle ?? "."),
      launcher: context.launcher,
      warn: context.warn,
      mode: "wait",
      ...(values["console-socket"] === undefined ? {} : { consoleSocket: absolutePath(values["console-socket"]) }),
      ...(values["pid-file"] === undefined ? {} : { pidFile: absolutePath(values["pid-file"]) }),
    });
    // Until the launcher is gone the process is not its caller's.
    await started.connection.ended;
    return 0;
  },
};
