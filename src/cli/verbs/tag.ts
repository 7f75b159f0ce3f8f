import { defineVerb } from "../verb.ts";

export const tagVerb = defineVerb({
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  aliases: ["wherry image tag", "wherry tag"],
  flags: {},
  minArguments: 2,
  maxArguments: 2,
  async run(context, { positionals: [source = "", target = ""] }) {
    await (await context.engine()).images.tag(source, target);
    return 0;
  },
});
