import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import type { CgroupLayout } from "../core/cgroup-layout.ts";
import { readCgroupStats } from "./cgroup-stats.ts";

describe("readCgroupStats()", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/wherry-stats-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (path: string, text: string): void => {
    mkdirSync(`${directory}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${directory}/${path}`, text);
  };

  test("reads v1", () => {
    write("memory/c/memory.usage_in_bytes", "10000\n");
    write("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
    write("memory/c/memory.max_usage_in_bytes", "12000\n");
    write("memory/c/memory.stat", "inactive_file 1\ntotal_inactive_file 4000\n");
    write("memory/c/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    write("cpu/c/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n");
    write("cpu/c/cpuacct.usage", "123456789\n");
    write("blkio/c/blkio.throttle.io_service_bytes_recursive", "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\nTotal 121\n");
    write("pids/c/pids.current", "7\n");
    write("pids/c/pids.max", "max\n");
    const on = (name: string, ...controllers: string[]) => ({
      version: 1 as const,
      mountPoint: `${directory}/${name}` as HostPath,
      controllers,
      name: "",
    });
    const layout: CgroupLayout = {
      mode: "v1",
      systemd: false,
      hierarchies: [on("memory", "memory"), on("cpu", "cpu", "cpuacct"), on("blkio", "blkio"), on("pids", "pids")],
    };
    expect(readCgroupStats({ layout, path: "/c" })).toEqual({
      memoryUsageBytes: 6000,
      memoryLimitBytes: 0,
      memoryPeakBytes: 12000,
      cpuUsageNanos: 123456789n,
      cpuThrottledPeriods: 4,
      cpuThrottledNanos: 5000n,
      pids: 7,
      pidsLimit: 0,
      blkioReadBytes: 101,
      blkioWriteBytes: 20,
      oomKills: 3,
    });
  });

  test("reads v2", () => {
    write("c/memory.current", "10000\n");
    write("c/memory.max", "65536\n");
    write("c/memory.stat", "anon 5\ninactive_file 4000\n");
    write("c/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n");
    write("c/cpu.stat", "usage_usec 1500\nnr_periods 2\nnr_throttled 1\nthrottled_usec 30\n");
    write("c/io.stat", "8:0 rbytes=100 wbytes=20 rios=3 wios=1\n8:16 rbytes=1 wbytes=0\n");
    write("c/pids.current", "2\n");
    write("c/pids.max", "50\n");
    const layout: CgroupLayout = {
      mode: "v2",
      systemd: false,
      hierarchies: [{ version: 2, mountPoint: directory as HostPath, controllers: ["memory", "cpu", "io", "pids"], name: "" }],
    };
    expect(readCgroupStats({ layout, path: "/c" })).toEqual({
      memoryUsageBytes: 6000,
      memoryLimitBytes: 65536,
      memoryPeakBytes: 0,
      cpuUsageNanos: 1_500_000n,
      cpuThrottledPeriods: 1,
      cpuThrottledNanos: 30_000n,
      pids: 2,
      pidsLimit: 50,
      blkioReadBytes: 101,
      blkioWriteBytes: 20,
      oomKills: 1,
    });
  });
});
