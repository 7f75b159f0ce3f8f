import { integerFlag, stringFlag } from "../flags/flag-spec.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

/** How `stop` and `restart` end a container. */
export const stopFlags = {
  signal: stringFlag("Signal to send to the container", { short: "s" }),
  timeout: integerFlag("Seconds to wait before killing the container", { short: "t", aliases: ["time"] }),
} as const;

export const stopVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  aliases: ["wherry container stop", "wherry stop"],
  flags: stopFlags,
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { containers } = await context.engine();
    return await forEachReference(context, positionals, (reference) => containers.stop(reference, stopOptions(values)));
  },
});

/** Only what was given: the rest is the container's own. */
export function stopOptions(values: { readonly signal: string | undefined; readonly timeout: number | undefined }): {
  readonly timeoutSeconds?: number;
  readonly signal?: string;
} {
  return {
    ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
    ...(values.signal === undefined ? {} : { signal: values.signal }),
  };
}
