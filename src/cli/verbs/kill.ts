import { stringFlag } from "../flags/flag-spec.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const killVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  aliases: ["wherry container kill", "wherry kill"],
  flags: { signal: stringFlag("Signal to send to the container", { short: "s" }) },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, (reference) => containers.kill(reference, values.signal ?? "SIGKILL"));
  },
});
