import { formatDecimalSize } from "../../core/size.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { pruneFilters } from "../format/prune-filters.ts";
import { confirm } from "../terminal/confirm.ts";
import { defineVerb } from "../verb.ts";

export const containerPruneVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  flags: {
    filter: { ...filterFlag, short: "", help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: switchFlag("Do not prompt for confirmation", { short: "f" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const filters = pruneFilters(groupFilters(values.filter), context.now());
    if (!values.force && !(await confirm(context, "WARNING! This will remove all stopped containers."))) return 0;
    await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(await pruneContainers(context, filters))}\n`);
    return 0;
  },
});

/** Prints what went, as docker does, and resolves with the bytes that are free now. */
export async function pruneContainers(context: CliContext, filters: Readonly<Record<string, readonly string[]>>): Promise<number> {
  const { containers } = await context.engine();
  const { deleted, reclaimedBytes } = await containers.prune(filters);
  if (deleted.length > 0) await context.stdout.write(`Deleted Containers:\n${deleted.join("\n")}\n\n`);
  return reclaimedBytes;
}
