import { switchFlag } from "../flags/flag-spec.ts";
import { refuseTag } from "../transfer/refuse-tag.ts";
import { withTransfer } from "../transfer/with-transfer.ts";
import { defineVerb } from "../verb.ts";

export const pushVerb = defineVerb({
  usage: "[OPTIONS] NAME[:TAG]",
  summary: "Upload an image to a registry",
  details: "The image is sent as it is stored: its digest in the registry is the one that it has here.",
  aliases: ["wherry image push", "wherry push"],
  flags: {
    "all-tags": switchFlag("Push all tags of an image to the repository", { short: "a" }),
    "disable-content-trust": switchFlag("Skip image signing", { initial: true, hidden: true }),
    quiet: switchFlag("Suppress verbose output", { short: "q" }),
  },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [name = ""] }) {
    const { stdout } = context;
    const { images } = await context.engine();
    const all = values["all-tags"];
    if (all) refuseTag(name);
    else if (!values.quiet && !/[:@]/.test(name.slice(name.lastIndexOf("/") + 1))) await stdout.write("Using default tag: latest\n");
    const { quiet } = values;
    const view = { direction: "push", ...(quiet ? {} : { sink: stdout }) } as const;
    const pushed = await withTransfer(context, view, async (transfer) => {
      return all ? await images.pushAll(name, transfer) : [await images.push(name, transfer)];
    });
    if (quiet) await stdout.write(pushed.map(({ canonical }) => `${canonical}\n`).join(""));
    return 0;
  },
});
