import { integerFlag, switchFlag } from "../flags/flag-spec.ts";
import { containerHeadings, containerRow } from "../format/container-row.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

const COLUMNS = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

export const psVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "List containers",
  aliases: ["wherry container ls", "wherry container list", "wherry container ps", "wherry ps"],
  flags: {
    all: switchFlag("Show all containers (default shows just running)", { short: "a" }),
    filter: filterFlag,
    format: listFormatFlag,
    last: integerFlag("Show n last created containers (includes all states)", { short: "n", defaultText: "-1" }),
    latest: switchFlag("Show the latest created container (includes all states)", { short: "l" }),
    "no-trunc": switchFlag("Don't truncate output"),
    quiet: switchFlag("Only display container IDs", { short: "q" }),
    size: switchFlag("Display total file sizes", { short: "s" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const format =
      values.format ?? (values.quiet ? "" : (await import("../credentials/client-setting.ts")).clientSetting(context.env, "psFormat"));
    const limit = values.latest && values.last === undefined ? 1 : (values.last ?? -1);
    const size = values.size || format.includes(".Size");
    const { containers } = await context.engine();
    const found = await containers.list({
      all: values.all || limit > 0,
      size,
      ...(limit > 0 ? { limit } : {}),
      ...(values.filter.length === 0 ? {} : { filters: groupFilters(values.filter) }),
    });
    const rows = found.map((container) => containerRow(container, { now: context.now(), truncate: !values["no-trunc"] }));
    if (values.quiet) await context.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(""));
    else
      await context.stdout.write(
        formatList({ defaultColumns: values.size ? `${COLUMNS}\t{{.Size}}` : COLUMNS, headings: containerHeadings, rows }, format),
      );
    return 0;
  },
});
