import { formatTable } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const topVerb = defineVerb({
  usage: "CONTAINER [ps OPTIONS]",
  summary: "Display the running processes of a container",
  aliases: ["wherry container top", "wherry top"],
  flags: {},
  stopAtPositional: true,
  minArguments: 1,
  async run(context, { positionals: [reference = "", ...psArguments] }) {
    const { containers } = await context.engine();
    const { titles, processes } = await (psArguments.length === 0 ? containers.top(reference) : containers.top(reference, psArguments));
    await context.stdout.write(formatTable([titles, ...processes], { minWidth: 20, padding: 3 }));
    return 0;
  },
});
