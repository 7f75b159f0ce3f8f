import { formatDecimalSize } from "../../core/size.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

const COLUMNS = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
const headings = { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" } as const;

export const systemDfVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Show disk usage",
  flags: { format: listFormatFlag, verbose: switchFlag("Show detailed information on space usage", { short: "v" }) },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    if (values.verbose) {
      const { detailedUsage } = await import("../format/detailed-usage.ts");
      await context.stdout.write(await detailedUsage(context, values.format));
      return 0;
    }
    await context.stdout.write(formatList({ defaultColumns: COLUMNS, headings, rows: await summary(context) }, values.format));
    return 0;
  },
});

async function summary(context: CliContext): Promise<Record<keyof typeof headings, string>[]> {
  const engine = await context.engine();
  const images = await engine.images.usage();
  const containers = await engine.containers.usage();
  const volumes = await engine.volumes.usage();
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  const idle = containers.filter(({ status }) => status !== "running" && status !== "paused");
  const unused = volumes.filter(({ users }) => users.length === 0);
  return [
    row("Images", {
      total: images.images.length,
      active: images.active,
      bytes: images.diskBytes,
      reclaimable: images.reclaimableBytes,
    }),
    row("Containers", {
      total: containers.length,
      active: containers.length - idle.length,
      bytes: sum(containers.map(({ diskBytes }) => diskBytes)),
      reclaimable: sum(idle.map(({ diskBytes }) => diskBytes)),
    }),
    row("Local Volumes", {
      total: volumes.length,
      active: volumes.length - unused.length,
      bytes: sum(volumes.map(({ sizeBytes }) => sizeBytes)),
      reclaimable: sum(unused.map(({ sizeBytes }) => sizeBytes)),
    }),
    row("Build Cache", { total: 0, active: 0, bytes: 0, reclaimable: 0 }),
  ];
}

function row(
  Type: string,
  of: { readonly total: number; readonly active: number; readonly bytes: number; readonly reclaimable: number },
): Record<keyof typeof headings, string> {
  const share = of.bytes === 0 || Type === "Build Cache" ? "" : ` (${Math.floor((of.reclaimable * 100) / of.bytes)}%)`;
  return {
    Type,
    TotalCount: String(of.total),
    Active: String(of.active),
    Size: formatDecimalSize(of.bytes),
    Reclaimable: `${formatDecimalSize(of.reclaimable)}${share}`,
  };
}
