import { formatDecimalSize } from "../../core/size.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { confirm } from "../terminal/confirm.ts";
import { defineVerb } from "../verb.ts";

export const volumePruneVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Remove unused local volumes",
  flags: {
    all: switchFlag("Remove all unused volumes, not just anonymous ones", { short: "a" }),
    filter: { ...filterFlag, short: "", help: 'Provide filter values (e.g. "label=<label>")' },
    force: switchFlag("Do not prompt for confirmation", { short: "f" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const what = values.all ? "all local volumes" : "anonymous local volumes";
    const sure = values.force || (await confirm(context, `WARNING! This will remove ${what} not used by at least one container.`));
    if (!sure) return 0;
    const bytes = await pruneVolumes(context, { ...groupFilters(values.filter), ...(values.all ? { all: ["true"] } : {}) });
    await context.stdout.write(`Total reclaimed space: ${formatDecimalSize(bytes)}\n`);
    return 0;
  },
});

/** Prints what went, as docker does, and resolves with the bytes that are free now. */
export async function pruneVolumes(context: CliContext, filters: Readonly<Record<string, readonly string[]>>): Promise<number> {
  const { volumes } = await context.engine();
  const { deleted, reclaimedBytes } = await volumes.prune({ filters });
  if (deleted.length > 0) await context.stdout.write(`Deleted Volumes:\n${deleted.join("\n")}\n\n`);
  return reclaimedBytes;
}
