import { EngineError } from "../../core/engine-error.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const rmVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  aliases: ["wherry container rm", "wherry container remove", "wherry rm"],
  flags: {
    force: switchFlag("Force the removal of a running container (uses SIGKILL)", { short: "f" }),
    volumes: switchFlag("Remove anonymous volumes associated with the container", { short: "v" }),
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, async (reference) => {
      try {
        await containers.remove(reference, { force: values.force, volumes: values.volumes });
      } catch (error) {
        // As docker: what is already gone needs no force, so that scripts may repeat `rm -f`; the name is still reported as missing.
        if (values.force && error instanceof EngineError && error.code === "CONTAINER_NOT_FOUND") {
          await context.stderr.write(`wherry: ${error.message}\n`);
          return null;
        }
        throw error;
      }
      return reference;
    });
  },
});
