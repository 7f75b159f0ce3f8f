import { totalmem } from "node:os";
import { delay } from "../../core/delay.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { type StatsSample, statsHeadings, statsRow } from "../format/stats-row.ts";
import { brokenPipeExitCode } from "../output/output-sink.ts";
import { defineVerb } from "../verb.ts";

const COLUMNS = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";
const INTERVAL_MS = 1000;
/** Cursor home, and erase what is beneath: the next table replaces this one without flicker. */
const CLEAR = "\x1b[H\x1b[J";

export const statsVerb = defineVerb({
  usage: "[OPTIONS] [CONTAINER...]",
  summary: "Display a live stream of container(s) resource usage statistics",
  aliases: ["wherry container stats", "wherry stats"],
  flags: {
    all: switchFlag("Show all containers (default shows just running)", { short: "a" }),
    format: listFormatFlag,
    "no-stream": switchFlag("Disable streaming stats and only pull the first result"),
    "no-trunc": switchFlag("Do not truncate output"),
  },
  minArguments: 0,
  async run(context, { values, positionals }) {
    const references = positionals.length > 0 ? positionals : undefined;
    const format = values.format ?? (await import("../credentials/client-setting.ts")).clientSetting(context.env, "statsFormat");
    const show = async (before: Samples, after: Samples): Promise<void> => {
      const rows = [...after].map(([id, sample]) =>
        statsRow(sample, { before: before.get(id), truncate: !values["no-trunc"], hostMemoryBytes: totalmem() }),
      );
      const text = formatList({ defaultColumns: COLUMNS, headings: statsHeadings, rows }, format);
      await context.stdout.write(values["no-stream"] ? text : `${CLEAR}${text}`);
    };
    // Use of the processor is a difference, so that even one table needs two samples.
    let before = await takeSamples(context, references, values.all);
    for (;;) {
      await delay(INTERVAL_MS);
      const after = await takeSamples(context, references, values.all);
      await show(before, after);
      if (values["no-stream"]) return 0;
      if (context.stdout.readerLeft) return brokenPipeExitCode;
      before = after;
    }
  },
});

type Samples = ReadonlyMap<string, StatsSample>;

async function takeSamples(context: CliContext, references: readonly string[] | undefined, all: boolean): Promise<Samples> {
  const { containers } = await context.engine();
  const wanted =
    references === undefined
      ? await containers.list({ all })
      : await Promise.all(references.map((reference) => containers.inspect(reference)));
  const samples = await Promise.all(
    wanted.map(async ({ id, name, status }): Promise<[string, StatsSample]> => {
      const running = status === "running" || status === "paused";
      return [id, { id, name, takenAtMs: performance.now(), stats: running ? await containers.stats(id) : undefined }];
    }),
  );
  return new Map(samples);
}
