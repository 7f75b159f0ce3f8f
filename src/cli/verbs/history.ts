import { describeDuration } from "../../core/duration.ts";
import { shortId } from "../../core/ids.ts";
import { formatDecimalSize } from "../../core/size.ts";
import { localSeconds } from "../docker-json/docker-time.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { ellipsis } from "../format/ellipsis.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

const COLUMNS = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
const HEADINGS = {
  Comment: "COMMENT",
  CreatedAt: "CREATED AT",
  CreatedBy: "CREATED BY",
  CreatedSince: "CREATED",
  ID: "IMAGE",
  Size: "SIZE",
} as const;
const CREATED_BY_WIDTH = 45;

export const historyVerb = defineVerb({
  usage: "[OPTIONS] IMAGE",
  summary: "Show the history of an image",
  aliases: ["wherry image history", "wherry history"],
  flags: {
    format: listFormatFlag,
    human: switchFlag("Print sizes and dates in human readable format", { short: "H", initial: true }),
    "no-trunc": switchFlag("Don't truncate output"),
    quiet: switchFlag("Only show image IDs", { short: "q" }),
  },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [reference = ""] }) {
    const truncate = !values["no-trunc"];
    const now = context.now().getTime();
    const { images } = await context.engine();
    const rows = (await images.history(reference)).map((entry) => {
      const createdBy = entry.createdBy.replaceAll(/[\t\n]/g, " ");
      const createdAt = localSeconds(entry.createdAt);
      return {
        Comment: entry.comment.replaceAll(/[\t\n]/g, " "),
        CreatedAt: createdAt,
        CreatedBy: truncate ? ellipsis(createdBy, CREATED_BY_WIDTH) : createdBy,
        CreatedSince: values.human ? since(entry.createdAt, now) : createdAt,
        ID: truncate && entry.id.startsWith("sha256:") ? shortId(entry.id) : entry.id,
        Size: values.human ? formatDecimalSize(entry.sizeBytes) : String(entry.sizeBytes),
      };
    });
    if (values.quiet) await context.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(""));
    else await context.stdout.write(formatList({ defaultColumns: COLUMNS, headings: HEADINGS, rows }, values.format));
    return 0;
  },
});

/** What a step does not tell is in the year 1; docker calls all that was before 1970 so. */
function since(created: Date, now: number): string {
  return created.getTime() < 0 ? "N/A" : `${describeDuration(now - created.getTime())} ago`;
}
