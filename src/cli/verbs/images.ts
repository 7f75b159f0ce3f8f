import { matchesGlob } from "node:path";
import type { ImageSummary } from "../../engine/engine.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { imageHeadings, imageRow, splitReference } from "../format/image-row.ts";
import { defineVerb } from "../verb.ts";

const COLUMNS = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const COLUMNS_WITH_DIGESTS = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

export const imagesVerb = defineVerb({
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  aliases: ["wherry image ls", "wherry image list", "wherry images"],
  flags: {
    all: switchFlag("Show all images (default hides intermediate images)", { short: "a" }),
    digests: switchFlag("Show digests"),
    filter: filterFlag,
    format: listFormatFlag,
    "no-trunc": switchFlag("Don't truncate output"),
    quiet: switchFlag("Only show image IDs", { short: "q" }),
  },
  minArguments: 0,
  maxArguments: 1,
  async run(context, { values, positionals: [pattern] }) {
    const { images } = await context.engine();
    const found = await images.list({ all: values.all, ...(values.filter.length === 0 ? {} : { filters: groupFilters(values.filter) }) });
    const view = { now: context.now(), truncate: !values["no-trunc"] };
    const rows = [...found]
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
      .flatMap((image) => namesToShow(image, pattern).map((reference) => imageRow(image, { ...view, reference })));
    if (values.quiet) await context.stdout.write([...new Set(rows.map(({ ID }) => ID))].map((id) => `${id}\n`).join(""));
    else
      await context.stdout.write(
        formatList({ defaultColumns: values.digests ? COLUMNS_WITH_DIGESTS : COLUMNS, headings: imageHeadings, rows }, values.format),
      );
    return 0;
  },
});

/** The names that match the argument, which is a repository or a name with its tag, `*` allowed; an image without any shows as `<none>`. */
function namesToShow(image: ImageSummary, pattern: string | undefined): readonly (string | undefined)[] {
  if (pattern === undefined) return image.references.length === 0 ? [undefined] : image.references;
  return image.references.filter(
    (reference) => matchesGlob(reference, pattern) || matchesGlob(splitReference(reference).repository, pattern),
  );
}
