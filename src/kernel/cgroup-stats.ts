import { readFileSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import type { CgroupGroup } from "./cgroup-group.ts";
import type { ContainerStats } from "./container-stats.ts";

/** What the kernel has counted for the group so far. Cheap: about ten small reads. A group that is gone counts nothing. */
export function readCgroupStats(group: CgroupGroup): ContainerStats {
  const memory = reader(group, "memory");
  const pids = reader(group, "pids");
  return {
    ...(memory.version === 2 ? memoryV2(memory) : memoryV1(memory)),
    ...readCpu(group),
    pids: pids.number("pids.current"),
    pidsLimit: pids.number("pids.max"),
    ...readBlockIo(group),
    oomKills: readOomKills(group),
  };
}

/** How many processes of the group the kernel has killed because memory ran out. */
export function readOomKills(group: CgroupGroup): number {
  const memory = reader(group, "memory");
  return Number(memory.field(memory.version === 2 ? "memory.events" : "memory.oom_control", "oom_kill"));
}

/** Reads files of one controller's directory; what is missing, `max` or v1's "unlimited" is 0. */
interface Reader {
  readonly version: 1 | 2;
  text(file: string): string;
  number(file: string): number;
  field(file: string, name: string): bigint;
}

/** v1 writes "unlimited" as the largest multiple of the page size below 2^63. */
const UNLIMITED = 2 ** 62;

function reader(group: CgroupGroup, controller: string): Reader {
  // cpu.stat is there in v2 without the controller.
  const hierarchy = hierarchyOf(group.layout, controller) ?? group.layout.hierarchies.find(({ version }) => version === 2);
  const directory = hierarchy === undefined ? "/nonexistent" : cgroupDirectory(hierarchy, group.path);
  const text = (file: string): string => {
    try {
      return readFileSync(`${directory}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  return {
    version: hierarchy?.version ?? 2,
    text,
    number: (file) => {
      const value = Number(text(file).trim());
      return Number.isFinite(value) && value < UNLIMITED ? value : 0;
    },
    field: (file, name) => BigInt(new RegExp(`^${name} (\\d+)$`, "m").exec(text(file))?.[1] ?? 0),
  };
}

type Memory = Pick<ContainerStats, "memoryUsageBytes" | "memoryLimitBytes" | "memoryPeakBytes">;

/** Usage is without the page cache that can go at once, as `docker stats` prints it. */
function memoryV2(memory: Reader): Memory {
  return {
    memoryUsageBytes: Math.max(0, memory.number("memory.current") - Number(memory.field("memory.stat", "inactive_file"))),
    memoryLimitBytes: memory.number("memory.max"),
    // Since 5.19.
    memoryPeakBytes: memory.number("memory.peak"),
  };
}

function memoryV1(memory: Reader): Memory {
  return {
    memoryUsageBytes: Math.max(0, memory.number("memory.usage_in_bytes") - Number(memory.field("memory.stat", "total_inactive_file"))),
    memoryLimitBytes: memory.number("memory.limit_in_bytes"),
    memoryPeakBytes: memory.number("memory.max_usage_in_bytes"),
  };
}

function readCpu(group: CgroupGroup): Pick<ContainerStats, "cpuUsageNanos" | "cpuThrottledPeriods" | "cpuThrottledNanos"> {
  const cpu = reader(group, "cpu");
  const accounting = reader(group, "cpuacct");
  const inV1 = hierarchyOf(group.layout, "cpuacct") !== undefined;
  const usage = inV1 ? BigInt(accounting.text("cpuacct.usage").trim() || 0) : cpu.field("cpu.stat", "usage_usec") * 1000n;
  return {
    cpuUsageNanos: usage,
    cpuThrottledPeriods: Number(cpu.field("cpu.stat", "nr_throttled")),
    cpuThrottledNanos: cpu.version === 1 ? cpu.field("cpu.stat", "throttled_time") : cpu.field("cpu.stat", "throttled_usec") * 1000n,
  };
}

function readBlockIo(group: CgroupGroup): Pick<ContainerStats, "blkioReadBytes" | "blkioWriteBytes"> {
  if (hierarchyOf(group.layout, "blkio") !== undefined) {
    const text = reader(group, "blkio").text("blkio.throttle.io_service_bytes_recursive");
    return { blkioReadBytes: sum(text, /^\d+:\d+ Read (\d+)$/gm), blkioWriteBytes: sum(text, /^\d+:\d+ Write (\d+)$/gm) };
  }
  const text = reader(group, "io").text("io.stat");
  return { blkioReadBytes: sum(text, /\brbytes=(\d+)/g), blkioWriteBytes: sum(text, /\bwbytes=(\d+)/g) };
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}
