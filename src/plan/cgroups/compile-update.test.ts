import { describe, expect, test } from "bun:test";
import type { HostPath } from "../../core/brands.ts";
import type { CgroupLayout } from "../../core/cgroup-layout.ts";
import type { OciResources } from "../oci-config.ts";
import { compileCgroupUpdate } from "./compile-update.ts";

const v1: CgroupLayout = {
  mode: "v1",
  systemd: false,
  hierarchies: ["memory", "cpu", "pids"].map((name) => ({
    version: 1,
    mountPoint: `/cg/${name}` as HostPath,
    controllers: [name],
    name: "",
  })),
};
const v2: CgroupLayout = {
  mode: "v2",
  systemd: false,
  hierarchies: [{ version: 2, mountPoint: "/cg" as HostPath, controllers: ["memory", "cpu", "pids"], name: "" }],
};

function lines(layout: CgroupLayout, resources: OciResources, present: Readonly<Record<string, string>> = {}): readonly string[] {
  const updates = compileCgroupUpdate({ resources, layout, path: "/w/c", hasFile: () => true, read: (_, file) => present[file] ?? "" });
  return updates.map(({ file, value }) => `${file.replace(/^.*\//, "")} ${value}`);
}

describe("compileCgroupUpdate()", () => {
  test("writes memory before the sum when shrinking, after it when growing beyond it", () => {
    const present = { "memory.memsw.limit_in_bytes": "200" };
    expect(lines(v1, { memory: { limit: 50, swap: 100 } }, present)).toEqual([
      "memory.limit_in_bytes 50",
      "memory.memsw.limit_in_bytes 100",
    ]);
    expect(lines(v1, { memory: { limit: 300, swap: 400 } }, present)).toEqual([
      "memory.memsw.limit_in_bytes 400",
      "memory.limit_in_bytes 300",
    ]);
    expect(lines(v1, { memory: { limit: -1, swap: -1 } }, present)).toEqual(["memory.memsw.limit_in_bytes -1", "memory.limit_in_bytes -1"]);
  });

  test("turns a new sum into swap by the present memory limit on v2", () => {
    expect(lines(v2, { memory: { swap: 300 } }, { "memory.max": "100" })).toEqual(["memory.max 100", "memory.swap.max 200"]);
    expect(() => lines(v2, { memory: { swap: 300 } }, { "memory.max": "max" })).toThrow("needs `memory.limit`");
  });

  test("writes values that a new group would have anyway", () => {
    expect(lines(v1, { cpu: { shares: 1024, quota: -1, period: 100_000 }, pids: { limit: -1 } })).toEqual([
      "cpu.shares 1024",
      "cpu.cfs_period_us 100000",
      "cpu.cfs_quota_us -1",
      "pids.max max",
    ]);
    expect(lines(v2, { cpu: { shares: 1024, quota: -1 }, pids: { limit: 0 }, memory: { limit: -1 } })).toEqual([
      "memory.max max",
      "memory.swap.max max",
      "cpu.weight 100",
      "cpu.max max",
      "pids.max max",
    ]);
  });

  test("refuses a limit below what is used, where that is asked for", () => {
    for (const [layout, file] of [
      [v1, "memory.usage_in_bytes"],
      [v2, "memory.current"],
    ] as const) {
      const update = (memory: OciResources["memory"]) => () => lines(layout, memory === undefined ? {} : { memory }, { [file]: "1000" });
      expect(update({ limit: 999, checkBeforeUpdate: true })).toThrow("`memory.limit` 999 is below what the container uses, 1000");
      expect(update({ limit: 999 })).not.toThrow();
      expect(update({ limit: 1000, checkBeforeUpdate: true })).not.toThrow();
    }
  });

  test("names the limit whose controller is missing", () => {
    expect(() => lines(v1, { cpu: { cpus: "0" } })).toThrow("set the limit `cpu.cpus`: cgroup controller `cpuset` is not available");
  });
});
