import { CidFile } from "../container-flags/cid-file.ts";
import { containerFlags } from "../container-flags/container-flag-table.ts";
import { containerOptions } from "../container-flags/container-options.ts";
import { withImage } from "../container-flags/with-image.ts";
import { explainFlags } from "../explain/explain-flags.ts";
import { explainOptions } from "../explain/print-plan.ts";
import { printWarnings } from "../output/print-warnings.ts";
import { defineVerb } from "../verb.ts";

export const createVerb = defineVerb({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  aliases: ["wherry container create", "wherry create"],
  flags: { ...containerFlags, ...explainFlags },
  stopAtPositional: true,
  minArguments: 1,
  async run(context, { values, positionals }) {
    const options = await containerOptions(values, { positionals, detach: false, env: context.env });
    if (values.explain === "only") return await explainOptions(context, options, values.json);
    using cidFile = CidFile.open(values.cidfile);
    const { containers } = await context.engine();
    const { id, warnings } = await withImage(context, options.image, values, () => containers.create(options));
    cidFile?.write(id);
    await printWarnings(context.stderr, warnings);
    await context.stdout.write(`${id}\n`);
    return 0;
  },
});
