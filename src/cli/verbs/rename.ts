import { defineVerb } from "../verb.ts";

export const renameVerb = defineVerb({
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  aliases: ["wherry container rename", "wherry rename"],
  flags: {},
  minArguments: 2,
  maxArguments: 2,
  async run(context, { positionals: [reference = "", name = ""] }) {
    await (await context.engine()).containers.rename(reference, name);
    return 0;
  },
});
