import { formatDecimalSize } from "../../core/size.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { pruneFilters } from "../format/prune-filters.ts";
import { confirm } from "../terminal/confirm.ts";
import { defineVerb } from "../verb.ts";

export const imagePruneVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Remove unused images",
  flags: {
    all: switchFlag("Remove all unused images, not just dangling ones", { short: "a" }),
    compressed: switchFlag("Remove the compressed form of layers instead, where it can be fetched again from the registry it came from"),
    filter: { ...filterFlag, short: "", help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: switchFlag("Do not prompt for confirmation", { short: "f" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    if (values.compressed) return await dropCompressed(context, values.force);
    const what = values.all ? "all images without at least one container associated to them" : "all dangling images";
    if (!values.force && !(await confirm(context, `WARNING! This will remove ${what}.`))) return 0;
    const bytes = await pruneImages(context, { all: values.all, filters: groupFilters(values.filter) });
    await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(bytes)}\n`);
    return 0;
  },
});

async function dropCompressed(context: CliContext, force: boolean): Promise<number> {
  const warning =
    "WARNING! This will remove the compressed form of all layers whose registry is known.\nwherry push and wherry save fetch them from there when they need them.";
  if (!force && !(await confirm(context, warning))) return 0;
  const { images } = await context.engine();
  await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(await images.dropCompressed())}\n`);
  return 0;
}

/** Prints what went, as docker does, and resolves with the bytes that are free now. */
export async function pruneImages(
  context: CliContext,
  options: { readonly all: boolean; readonly filters: Readonly<Record<string, readonly string[]>> },
): Promise<number> {
  const { images } = await context.engine();
  const filters = pruneFilters(options.filters, context.now());
  const { removed, reclaimedBytes } = await images.prune({ all: options.all, filters });
  const lines = removed.map((part) => ("untagged" in part ? `untagged: ${part.untagged}` : `deleted: ${part.deleted}`));
  if (lines.length > 0) await context.stdout.write(`Deleted Images:\n${lines.join("\n")}\n\n`);
  return reclaimedBytes;
}
