import { invalidOption } from "../../core/invalid-option.ts";
import { formatDecimalSize } from "../../core/size.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { pruneFilters } from "../format/prune-filters.ts";
import { confirm } from "../terminal/confirm.ts";
import { defineVerb } from "../verb.ts";
import { pruneImages } from "./image-prune.ts";

export const systemPruneVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Remove unused data",
  details: "Stopped containers first, then, with --volumes, the anonymous volumes and last the images that nothing uses any more.",
  flags: {
    all: switchFlag("Remove all unused images not just dangling ones", { short: "a" }),
    filter: { ...filterFlag, short: "", help: 'Provide filter values (e.g. "label=<key>=<value>")' },
    force: switchFlag("Do not prompt for confirmation", { short: "f" }),
    volumes: switchFlag("Prune anonymous volumes"),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const filters = pruneFilters(groupFilters(values.filter), context.now());
    if (values.volumes && filters["until"] !== undefined) throw invalidOption('the "until" filter is not supported with "--volumes"');
    const what = [
      "all stopped containers",
      ...(values.volumes ? ["all anonymous volumes not used by at least one container"] : []),
      values.all ? "all images without at least one container associated to them" : "all dangling images",
    ];
    const warning = `WARNING! This will remove:\n${what.map((line) => `  - ${line}\n`).join("")}`;
    if (!values.force && !(await confirm(context, warning))) return 0;
    const { containers, volumes } = await context.engine();
    const ended = await containers.prune(filters);
    let reclaimedBytes = ended.reclaimedBytes;
    if (ended.deleted.length > 0) await context.stdout.write(`Deleted Containers:\n${ended.deleted.join("\n")}\n\n`);
    if (values.volumes) {
      const unused = await volumes.prune({ filters });
      reclaimedBytes += unused.reclaimedBytes;
      if (unused.deleted.length > 0) await context.stdout.write(`Deleted Volumes:\n${unused.deleted.join("\n")}\n\n`);
    }
    reclaimedBytes += await pruneImages(context, { all: values.all, filters });
    await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(reclaimedBytes)}\n`);
    return 0;
  },
});
