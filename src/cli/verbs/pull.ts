import { stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { refuseTag } from "../transfer/refuse-tag.ts";
import { withTransfer } from "../transfer/with-transfer.ts";
import { defineVerb } from "../verb.ts";

export const pullVerb = defineVerb({
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  details: "Ctrl-C cancels it and leaves nothing behind. Credentials are those of wherry login or docker login.",
  aliases: ["wherry image pull", "wherry pull"],
  flags: {
    "all-tags": switchFlag("Download all tagged images in the repository", { short: "a" }),
    "disable-content-trust": switchFlag("Skip image verification", { initial: true, hidden: true }),
    platform: stringFlag("Set platform if server is multi-platform capable"),
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
    const view = { direction: "pull", ...(values.quiet ? {} : { sink: stdout }) } as const;
    const pulled = await withTransfer(context, view, async (transfer) => {
      const options = { ...transfer, ...(values.platform === undefined ? {} : { platform: values.platform }) };
      return all ? await images.pullAll(name, options) : [await images.pull(name, options)];
    });
    const bare = (reference: string): string => (all ? reference.slice(0, reference.lastIndexOf(":")) : reference);
    const [first] = pulled;
    if (first === undefined) return 0;
    const status = pulled.some(({ updated }) => updated) ? "Downloaded newer image for" : "Image is up to date for";
    if (!values.quiet) await stdout.write(`Status: ${status} ${bare(first.reference)}\n`);
    await stdout.write(`${bare(first.canonical)}\n`);
    return 0;
  },
});
