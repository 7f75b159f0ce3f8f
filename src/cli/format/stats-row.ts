import { shortId } from "../../core/ids.ts";
import { formatBinarySize, formatDecimalSize } from "../../core/size.ts";
import type { ContainerStats } from "../../engine/engine.ts";

export interface StatsSample {
  readonly id: string;
  readonly name: string;
  /** On a clock that only goes forward. */
  readonly takenAtMs: number;
  /** Undefined while it does not run. */
  readonly stats: ContainerStats | undefined;
}

export const statsHeadings = {
  BlockIO: "BLOCK I/O",
  CPUPerc: "CPU %",
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  MemPerc: "MEM %",
  MemUsage: "MEM USAGE / LIMIT",
  Name: "NAME",
  NetIO: "NET I/O",
  PIDs: "PIDS",
} as const;

/** One container as `stats --format` sees it. A whole CPU in use is 100 %, two are 200 %; without a limit of its own, the limit is what the host has. */
export function statsRow(
  sample: StatsSample,
  view: { readonly before: StatsSample | undefined; readonly truncate: boolean; readonly hostMemoryBytes: number },
) {
  const { stats } = sample;
  const id = view.truncate ? shortId(sample.id) : sample.id;
  const percent = (value: number): string => (stats === undefined ? "--" : `${value.toFixed(2)}%`);
  const limit = stats !== undefined && stats.memoryLimitBytes > 0 ? stats.memoryLimitBytes : view.hostMemoryBytes;
  const memory = stats === undefined ? 0 : (stats.memoryUsageBytes / limit) * 100;
  return {
    BlockIO: stats === undefined ? "-- / --" : `${formatDecimalSize(stats.blkioReadBytes)} / ${formatDecimalSize(stats.blkioWriteBytes)}`,
    CPUPerc: percent(cpuPercent(sample, view.before)),
    Container: id,
    ID: id,
    MemPerc: percent(memory),
    MemUsage: stats === undefined ? "-- / --" : `${formatBinarySize(stats.memoryUsageBytes)} / ${formatBinarySize(limit)}`,
    Name: sample.name,
    // There is no network of the engine's own yet whose bytes could be counted.
    NetIO: stats === undefined ? "-- / --" : "0B / 0B",
    PIDs: stats === undefined ? "--" : String(stats.pids),
  };
}

function cpuPercent(now: StatsSample, before: StatsSample | undefined): number {
  if (now.stats === undefined || before?.stats === undefined) return 0;
  const elapsedNanos = (now.takenAtMs - before.takenAtMs) * 1e6;
  const usedNanos = Number(now.stats.cpuUsageNanos - before.stats.cpuUsageNanos);
  return elapsedNanos <= 0 || usedNanos < 0 ? 0 : (usedNanos / elapsedNanos) * 100;
}
