import { createContainer } from "../../runtime/create-container.ts";
import { removeStopped } from "../../runtime/delete-container.ts";
import { containerFiles, findRecord } from "../../runtime/container-record.ts";
import { parseLine } from "../command-line.ts";
import { oneId } from "../container-argument.ts";
import { createFlags, createRequest } from "../create-flags.ts";
import { SignalForwarder } from "../foreground.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = {
  ...createFlags,
  detach: { takes: "switch", aliases: ["d"] },
  keep: { takes: "switch" },
  "no-subreaper": { takes: "switch" },
} as const;

export const run: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const id = oneId("run", words);
    const signals = values.detach ? null : new SignalForwarder();
    const started = await createContainer({ ...createRequest(id, values, context), mode: values.detach ? "detach" : "foreground" });
    if (signals === null) {
      await started.connection.ended;
      return 0;
    }
    const code = await signals.follow(started, context.launcher);
    if (!values.keep) {
      const files = containerFiles(context.root, id);
      const record = findRecord(files);
      if (record !== null) await removeStopped(files, record, context.warn);
    }
    return code;
  },
};
