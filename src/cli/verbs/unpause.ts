import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const unpauseVerb = defineVerb({
  usage: "CONTAINER [CONTAINER...]",
  summary: "Unpause all processes within one or more containers",
  aliases: ["wherry container unpause", "wherry unpause"],
  flags: {},
  minArguments: 1,
  async run(context, { positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, (reference) => containers.unpause(reference));
  },
});
