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
    const wantsDigests = values.digests || /\.Digest\b/.test(values.format ?? "");
    const view = { now: context.now(), truncate: !values["no-trunc"] };
    const rows = [...found]
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
      .flatMap((image) => namesToShow(image, { pattern, digests: wantsDigests }).map((name) => imageRow(image, { ...view, ...name })));
    if (values.quiet) await context.stdout.write([...new Set(rows.map(({ ID }) => ID))].map((id) => `${id}\n`).join(""));
    else
      await context.stdout.write(
        formatList({ defaultColumns: values.digests ? COLUMNS_WITH_DIGESTS : COLUMNS, headings: imageHeadings, rows }, values.format),
      );
    return 0;
  },
});

interface ShownName {
  readonly reference: string | undefined;
  readonly digest?: string;
}

/**
 * The rows of an image: a name with its tag each, with `digests` one for each digest that its repository has; a repository by whose
 * digests alone it is known; `<none>`. The argument is a repository or a name with its tag, `*` allowed.
 * @see docker CLI, cli/command/formatter/image.go
 */
function namesToShow(image: ImageSummary, show: { readonly pattern: string | undefined; readonly digests: boolean }): readonly ShownName[] {
  const { pattern } = show;
  const matches = (name: string) =>
    pattern === undefined || matchesGlob(name, pattern) || matchesGlob(splitReference(name).repository, pattern);
  const digests = new Map<string, string[]>();
  for (const name of image.repoDigests.filter(matches)) {
    const { repository } = splitReference(name);
    digests.set(repository, [...(digests.get(repository) ?? []), name.slice(name.indexOf("@") + 1)]);
  }
  const tagged = image.references.filter(matches).flatMap((reference): ShownName[] => {
    const known = show.digests ? digests.get(splitReference(reference).repository) : undefined;
    return known === undefined ? [{ reference }] : known.map((digest) => ({ reference, digest }));
  });
  for (const reference of image.references) digests.delete(splitReference(reference).repository);
  const untagged = [...digests].flatMap(([repository, known]): ShownName[] =>
    show.digests ? known.map((digest) => ({ reference: `${repository}@${digest}`, digest })) : [{ reference: `${repository}@` }],
  );
  if (tagged.length + untagged.length > 0 || pattern !== undefined) return [...tagged, ...untagged];
  return [{ reference: undefined }];
}
