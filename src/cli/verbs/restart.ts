import { EngineError } from "../../core/engine-error.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";
import { stopFlags, stopOptions } from "./stop.ts";

export const restartVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  aliases: ["wherry container restart", "wherry restart"],
  flags: stopFlags,
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, async (reference) => {
      try {
        await containers.stop(reference, stopOptions(values));
      } catch (error) {
        // One that does not run is just started.
        if (!(error instanceof EngineError && error.kind === "notModified")) throw error;
      }
      await containers.start(reference);
    });
  },
});
