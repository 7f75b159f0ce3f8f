import { EngineError } from "../../core/engine-error.ts";
import { formatTable } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const topVerb = defineVerb({
  usage: "CONTAINER",
  summary: "Display the running processes of a container",
  aliases: ["wherry container top", "wherry top"],
  flags: {},
  stopAtPositional: true,
  minArguments: 1,
  async run(context, { positionals: [reference = "", ...psOptions] }) {
    if (psOptions.length > 0) {
      throw new EngineError({
        kind: "notImplemented",
        code: "NOT_IMPLEMENTED",
        message: `ps options (\`${psOptions.join(" ")}\`) are not implemented yet: leave them out`,
      });
    }
    const { containers } = await context.engine();
    const { titles, processes } = await containers.top(reference);
    await context.stdout.write(formatTable([titles, ...processes], { minWidth: 20, padding: 3 }));
    return 0;
  },
});
