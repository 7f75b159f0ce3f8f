import { EngineError } from "../../core/engine-error.ts";
import { defineVerb } from "../verb.ts";

export const portVerb = defineVerb({
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  details: "Publishing ports is not implemented yet, so the list is empty.",
  aliases: ["wherry container port", "wherry port"],
  flags: {},
  minArguments: 1,
  maxArguments: 2,
  async run(context, { positionals: [reference = "", port] }) {
    const { containers } = await context.engine();
    const { name } = await containers.inspect(reference);
    if (port === undefined) return 0;
    throw new EngineError({ kind: "notFound", code: "PORT_NOT_PUBLISHED", message: `no public port '${port}' published for ${name}` });
  },
});
