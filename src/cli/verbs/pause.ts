import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const pauseVerb = defineVerb({
  usage: "CONTAINER [CONTAINER...]",
  summary: "Pause all processes within one or more containers",
  aliases: ["wherry container pause", "wherry pause"],
  flags: {},
  minArguments: 1,
  async run(context, { positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, (reference) => containers.pause(reference));
  },
});
