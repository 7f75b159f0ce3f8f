import { createContainer } from "../../runtime/create-container.ts";
import { deleteContainer } from "../../runtime/delete-container.ts";
import { containerFiles } from "../../runtime/container-record.ts";
import { parseLine } from "../command-line.ts";
import { absolutePath, oneId } from "../container-argument.ts";
import { createFlags } from "../create-flags.ts";
import { SignalForwarder } from "../foreground.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = {
  ...createFlags,
  detach: { takes: "switch", aliases: ["d"] },
  keep: { takes: "switch" },
  "no-subreaper": { takes: "switch" },
} as const;

export const run: OciCommand = {
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const id = oneId("run", words);
    const signals = values.detach ? null : new SignalForwarder();
    const started = await createContainer({
      root: context.root,
      id,
      bundle: absolutePath(values.bundle ?? "."),
      launcher: context.launcher,
      warn: context.warn,
      mode: values.detach ? "detach" : "foreground",
      ...(values["console-socket"] === undefined ? {} : { consoleSocket: absolutePath(values["console-socket"]) }),
      ...(values["pid-file"] === undefined ? {} : { pidFile: absolutePath(values["pid-file"]) }),
    });
    if (signals === null) {
      await started.connection.ended;
      return 0;
    }
    const code = await signals.follow(started, context.launcher);
    if (!values.keep)
      await deleteContainer(containerFiles(context.root, id), { force: true, launcher: context.launcher, warn: context.warn });
    return code;
  },
};
