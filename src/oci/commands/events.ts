import { invalidOption } from "../../core/invalid-option.ts";
import { parseDuration } from "../../core/duration.ts";
import { readCgroupStats } from "../../kernel/cgroup-stats.ts";
import type { ContainerStats } from "../../kernel/container-stats.ts";
import { containerGroup } from "../../runtime/container-group.ts";
import { readRecord } from "../../runtime/container-record.ts";
import { containerStatus } from "../../runtime/container-status.ts";
import { notRunning } from "../../runtime/kill-container.ts";
import { parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

const flags = { stats: { takes: "switch" }, interval: { takes: "value" } } as const;
const glanceMs = 1_000;

/** What the cgroups count, once or every few seconds; and, without --stats, when the kernel has killed one for its memory. */
export const events: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const files = oneContainer("events", words, context);
    const record = readRecord(files);
    const intervalMs = parseDuration(values.interval ?? "5s") / 1e6;
    if (intervalMs <= 0) throw invalidOption("duration interval must be greater than 0");
    if (containerStatus(files, record) === "stopped") throw notRunning();
    const group = containerGroup(record);
    const tell = (type: string, data?: object) =>
      context.print(`${JSON.stringify({ type, id: record.id, ...(data === undefined ? {} : { data }) })}\n`);
    let stats = readCgroupStats(group);
    if (values.stats) {
      tell("stats", statsData(stats));
      return 0;
    }
    let next = performance.now() + intervalMs;
    let { oomKills } = stats;
    while (containerStatus(files, record) !== "stopped") {
      // Looks every now and then whether the container is still there: one after the other.
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, Math.min(intervalMs, glanceMs)));
      stats = readCgroupStats(group);
      if (stats.oomKills > oomKills) tell("oom");
      oomKills = stats.oomKills;
      if (performance.now() < next) continue;
      tell("stats", statsData(stats));
      next += intervalMs;
    }
    return 0;
  },
};

/** The part of runc's statistics that this host keeps, under runc's names (types/events.go). */
function statsData(stats: ContainerStats): object {
  const limit = stats.memoryLimitBytes === 0 ? {} : { limit: stats.memoryLimitBytes };
  return {
    cpu: {
      usage: { total: Number(stats.cpuUsageNanos) },
      throttling: { throttledPeriods: stats.cpuThrottledPeriods, throttledTime: Number(stats.cpuThrottledNanos) },
    },
    memory: { usage: { ...limit, usage: stats.memoryUsageBytes, max: stats.memoryPeakBytes, failcnt: stats.oomKills } },
    pids: { current: stats.pids, ...(stats.pidsLimit === 0 ? {} : { limit: stats.pidsLimit }) },
    blkio: {
      ioServiceBytesRecursive: [
        { op: "Read", value: stats.blkioReadBytes },
        { op: "Write", value: stats.blkioWriteBytes },
      ],
    },
  };
}
