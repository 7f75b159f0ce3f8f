import { switchFlag } from "../flags/flag-spec.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const rmiVerb = defineVerb({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  aliases: ["wherry image rm", "wherry image remove", "wherry rmi"],
  flags: {
    force: switchFlag("Force removal of the image", { short: "f" }),
    "no-prune": switchFlag("Do not delete untagged parents"),
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { images } = await context.engine();
    return await forEachReference(context, positionals, async (reference) => {
      const removed = await images.remove(reference, { force: values.force, noPrune: values["no-prune"] });
      const lines = removed.flatMap(({ untagged, deleted }) => [
        ...(untagged === undefined ? [] : [`Untagged: ${untagged}`]),
        ...(deleted === undefined ? [] : [`Deleted: ${deleted}`]),
      ]);
      return lines.length === 0 ? null : lines.join("\n");
    });
  },
});
