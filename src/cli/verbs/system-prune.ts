import { invalidOption } from "../../core/invalid-option.ts";
import { formatDecimalSize } from "../../core/size.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { pruneFilters } from "../format/prune-filters.ts";
import { confirm } from "../terminal/confirm.ts";
import { defineVerb } from "../verb.ts";
import { pruneContainers } from "./container-prune.ts";
import { pruneImages } from "./image-prune.ts";
import { pruneVolumes } from "./volume-prune.ts";

export const systemPruneVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Remove unused data",
  details: "Stopped containers, then what they used: images, and with --volumes anonymous volumes.",
  flags: {
    all: switchFlag("Remove all unused images not just dangling ones", { short: "a" }),
    filter: { ...filterFlag, short: "", help: 'Provide filter values (e.g. "label=<key>=<value>")' },
    force: switchFlag("Do not prompt for confirmation", { short: "f" }),
    volumes: switchFlag("Prune anonymous volumes"),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const { all, volumes } = values;
    const filters = pruneFilters(groupFilters(values.filter), context.now());
    if (volumes && filters["until"] !== undefined) {
      throw invalidOption('the "until" filter is not supported with "--volumes"');
    }
    const lines = [
      "all stopped containers",
      ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
      all ? "all images without at least one container associated to them" : "all dangling images",
    ];
    const filtered = values.filter.map(([key, value]) => `  - ${key}=${value}\n`).join("");
    const what = lines.map((line) => `  - ${line}\n`).join("");
    const warning = `WARNING! This will remove:\n${what}${filtered === "" ? "" : `\n  Items to be pruned will be filtered with:\n${filtered}`}`;
    if (!values.force && !(await confirm(context, warning))) return 0;
    let bytes = await pruneContainers(context, filters);
    if (volumes) bytes += await pruneVolumes(context, filters);
    bytes += await pruneImages(context, { all, filters });
    await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(bytes)}\n`);
    return 0;
  },
});
