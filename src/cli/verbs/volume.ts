import { invalidOption } from "../../core/invalid-option.ts";
import { toMap } from "../container-flags/environment.ts";
import { listFlag, stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { itemFormatFlag, listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { volumeHeadings, volumeRow } from "../format/volume-row.ts";
import { forEachReference } from "../output/for-each-reference.ts";
import { defineVerb } from "../verb.ts";

export const volumeCreateVerb = defineVerb({
  usage: "[OPTIONS] [VOLUME]",
  summary: "Create a volume",
  flags: {
    driver: stringFlag("Specify volume driver name", { short: "d", defaultText: '"local"' }),
    label: listFlag("Set metadata for a volume"),
    name: stringFlag("Specify volume name", { hidden: true }),
    opt: listFlag("Set driver specific options", { short: "o", valueName: "map" }),
  },
  minArguments: 0,
  maxArguments: 1,
  async run(context, { values, positionals: [name] }) {
    if (values.name !== undefined && name !== undefined)
      throw invalidOption("conflicting options: either specify --name or provide positional arg, not both");
    const { volumes } = await context.engine();
    const made = await volumes.create({
      name: name ?? values.name ?? "",
      labels: toMap(values.label, "label"),
      driverOptions: toMap(values.opt, "opt"),
      ...(values.driver === undefined ? {} : { driver: values.driver }),
    });
    await context.stdout.write(`${made.name}\n`);
    return 0;
  },
});

export const volumeListVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "List volumes",
  aliases: ["wherry volume ls", "wherry volume list"],
  flags: {
    filter: filterFlag,
    format: listFormatFlag,
    quiet: switchFlag("Only display volume names", { short: "q" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const { volumes } = await context.engine();
    const found = await volumes.list({ filters: groupFilters(values.filter) });
    const text = values.quiet
      ? found.map(({ name }) => `${name}\n`).join("")
      : formatList({ defaultColumns: "{{.Driver}}\t{{.Name}}", headings: volumeHeadings, rows: found.map(volumeRow) }, values.format);
    await context.stdout.write(text);
    return 0;
  },
});

export const volumeRemoveVerb = defineVerb({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Remove one or more volumes. You cannot remove a volume that is in use by a container",
  aliases: ["wherry volume rm", "wherry volume remove"],
  flags: { force: switchFlag("Force the removal of one or more volumes", { short: "f" }) },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { volumes } = await context.engine();
    return await forEachReference(context, positionals, (name) => volumes.remove(name, { force: values.force }));
  },
});

export const volumeInspectVerb = defineVerb({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Display detailed information on one or more volumes",
  flags: { format: itemFormatFlag },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { inspectAll } = await import("./inspect.ts");
    return await inspectAll(context, positionals, { kinds: ["volume"], size: false, format: values.format });
  },
});
