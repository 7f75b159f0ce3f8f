import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const waitVerb = defineVerb({
  usage: "CONTAINER [CONTAINER...]",
  summary: "Block until one or more containers stop, then print their exit codes",
  aliases: ["wherry container wait", "wherry wait"],
  flags: {},
  minArguments: 1,
  async run(context, { positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, async (reference) => String(await containers.wait(reference)));
  },
});
