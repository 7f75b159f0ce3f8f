import { describe, expect, test } from "bun:test";
import type { HostPath } from "../../core/brands.ts";
import type { CgroupHierarchy, CgroupLayout } from "../../core/cgroup-layout.ts";
import { EngineError } from "../../core/engine-error.ts";
import type { OciResources } from "../oci-config.ts";
import { type CompiledCgroups, compileCgroups } from "./compile-cgroups.ts";
import { cpuWeight, ioWeight } from "./settings-v2.ts";

const v1 = (...controllers: string[]): CgroupHierarchy => ({
  version: 1,
  mountPoint: `/cg/${controllers.join()}` as HostPath,
  controllers,
  name: "",
});
const v2 = (...controllers: string[]): CgroupHierarchy => ({ version: 2, mountPoint: "/cg" as HostPath, controllers, name: "" });
const onV1: CgroupLayout = {
  mode: "v1",
  systemd: false,
  hierarchies: [
    v1("cpu", "cpuacct"),
    v1("cpuset"),
    v1("memory"),
    v1("devices"),
    v1("blkio"),
    v1("pids"),
    v1("freezer"),
    v1("net_cls"),
    v1("net_prio"),
    v1("hugetlb"),
  ],
};
const onV2: CgroupLayout = { mode: "v2", systemd: false, hierarchies: [v2("cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma")] };
const onHybrid: CgroupLayout = { mode: "hybrid", systemd: false, hierarchies: [v1("memory"), v1("devices"), v2("pids")] };

interface Extra {
  readonly files?: readonly string[];
  readonly defaulted?: readonly string[];
}

function compile(layout: CgroupLayout, resources: OciResources, extra: Extra = {}): CompiledCgroups {
  return compileCgroups({
    resources,
    layout,
    root: "/wherry-1a2b",
    path: "/wherry-1a2b/abc",
    hasFile: (_, file) => extra.files?.includes(file) === true,
    ...(extra.defaulted === undefined ? {} : { defaulted: new Set(extra.defaulted) }),
  });
}

/** Every write as `directory-below-/cg file value`. */
function lines(layout: CgroupLayout, resources: OciResources, extra: Extra = {}): readonly string[] {
  return compile(layout, resources, extra).placements.flatMap(({ directory, writes }) =>
    writes.map(({ file, value }) => `${directory.replace("/wherry-1a2b/abc", "").replace("/cg", "")} ${file} ${value}`.trim()),
  );
}

function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "no error";
}

describe("compileCgroups()", () => {
  test("places the container and the monitor in every hierarchy, and writes nothing unasked", () => {
    const { placements, warnings, deviceProgram } = compile(onV1, {});
    expect(placements).toHaveLength(onV1.hierarchies.length);
    expect(placements[2]).toEqual({
      directory: "/cg/memory/wherry-1a2b/abc" as HostPath,
      version: 1,
      writes: [],
      monitorDirectory: "/cg/memory/wherry-1a2b/monitors" as HostPath,
    });
    expect(placements.flatMap((placement) => placement.writes)).toEqual([]);
    expect([warnings, deviceProgram]).toEqual([[], undefined]);
  });

  const full: OciResources = {
    memory: { limit: 67_108_864, swap: 134_217_728, reservation: 33_554_432 },
    cpu: { shares: 512, quota: 50_000, period: 200_000, cpus: "0-1", mems: "0" },
    pids: { limit: 100 },
    blockIO: {
      weight: 500,
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1_048_576 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 100 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 4_194_304 }],
  };

  test("writes v1's files, memory before memory plus swap, period before quota", () => {
    expect(lines(onV1, full, { files: ["blkio.bfq.weight", "hugetlb.2MB.rsvd.limit_in_bytes"] })).toEqual([
      "/cpu,cpuacct cpu.shares 512",
      "/cpu,cpuacct cpu.cfs_period_us 200000",
      "/cpu,cpuacct cpu.cfs_quota_us 50000",
      "/cpuset cpuset.cpus 0-1",
      "/cpuset cpuset.mems 0",
      "/memory memory.limit_in_bytes 67108864",
      "/memory memory.memsw.limit_in_bytes 134217728",
      "/memory memory.soft_limit_in_bytes 33554432",
      "/blkio blkio.bfq.weight 500",
      "/blkio blkio.throttle.read_bps_device 8:0 1048576",
      "/blkio blkio.throttle.write_iops_device 8:16 100",
      "/pids pids.max 100",
      "/hugetlb hugetlb.2MB.limit_in_bytes 4194304",
      "/hugetlb hugetlb.2MB.rsvd.limit_in_bytes 4194304",
    ]);
  });

  test("writes v2's files, swap without memory, weights converted", () => {
    expect(lines(onV2, full, { files: ["io.weight"] })).toEqual([
      "memory.max 67108864",
      "memory.swap.max 67108864",
      "memory.low 33554432",
      "cpu.weight 59",
      "cpu.max 50000 200000",
      "cpuset.cpus 0-1",
      "cpuset.mems 0",
      "io.weight default 4950",
      "io.max 8:0 rbps=1048576",
      "io.max 8:16 wiops=100",
      "pids.max 100",
      "hugetlb.2MB.max 4194304",
    ]);
  });

  test("writes each limit of a hybrid host where its controller is", () => {
    expect(lines(onHybrid, { memory: { limit: 1_048_576 }, pids: { limit: 5 } })).toEqual([
      "/memory memory.limit_in_bytes 1048576",
      "pids.max 5",
    ]);
  });

  test("writes nothing that a new group has anyway", () => {
    const idle: OciResources = {
      memory: { limit: -1, swap: -1, reservation: 0 },
      cpu: { shares: 1024, quota: -1, period: 100_000, burst: 0, cpus: "", idle: 0 },
      pids: { limit: -1 },
      blockIO: { weight: 0 },
    };
    expect(lines(onV1, idle)).toEqual([]);
    expect(lines(onV2, idle)).toEqual([]);
  });

  test("lets `unified` have the last word on v2, line by line", () => {
    const resources: OciResources = {
      memory: { limit: 1000 },
      unified: { "memory.max": "2000", "io.max": "8:0 rbps=1\n8:16 rbps=2\n", "cgroup.max.depth": "3" },
    };
    expect(lines(onV2, resources)).toEqual([
      "memory.max 1000",
      "memory.max 2000",
      "io.max 8:0 rbps=1",
      "io.max 8:16 rbps=2",
      "cgroup.max.depth 3",
    ]);
    expect(failure(() => lines(onV1, { unified: { "memory.max": "1" } }))).toContain("CGROUP_CONTROLLER_MISSING set the limit `unified`");
    expect(failure(() => lines(onV2, { unified: { "../memory.max": "1" } }))).toContain("INVALID_OPTION");
  });

  test("names limit and controller when the host can't set what a user asked for", () => {
    const text = failure(() => lines(onHybrid, { cpu: { shares: 512 } }));
    expect(text).toContain("CGROUP_CONTROLLER_MISSING set the limit `cpu.shares`: cgroup controller `cpu` is not available");
  });

  test("warns instead when it was a default, and lets a default's write fail", () => {
    const { warnings } = compile(onHybrid, { cpu: { shares: 512 } }, { defaulted: ["cpu.shares"] });
    expect(warnings).toHaveLength(1);
    const write = compile(onV1, { pids: { limit: 9 } }, { defaulted: ["pids.limit"] }).placements.flatMap(({ writes }) => writes)[0];
    expect(write?.ignore).toContain("ENOENT");
    expect(compile(onV1, { pids: { limit: 9 } }).placements.flatMap(({ writes }) => writes)[0]?.ignore).toBeUndefined();
  });

  test("refuses what a version does not have", () => {
    expect(failure(() => lines(onV2, { memory: { swappiness: 10 } }))).toContain("`memory.swappiness`");
    expect(failure(() => lines(onV2, { memory: { disableOOMKiller: true } }))).toContain("`memory.disableOOMKiller`");
    expect(failure(() => lines(onV2, { cpu: { realtimeRuntime: 1000 } }))).toContain("`cpu.realtimeRuntime`");
    expect(failure(() => lines(onV2, { memory: { swap: 100 } }))).toContain("needs `memory.limit`");
    expect(failure(() => lines(onV2, { memory: { limit: 200, swap: 100 } }))).toContain("at least `memory.limit`");
    expect(failure(() => lines(onV1, { blockIO: { weight: 100 } }))).toContain("no weights for block devices");
    for (const layout of [onV1, onV2])
      for (const blockIO of [{ leafWeight: 100 }, { weightDevice: [{ major: 8, minor: 0, leafWeight: 100 }] }])
        expect(failure(() => lines(layout, { blockIO }))).toContain("`blockIO.leafWeight`");
  });

  test("lets no value leave its file or line", () => {
    expect(failure(() => lines(onV1, { cpu: { cpus: "0\n1" } }))).toContain("INVALID_OPTION");
    expect(failure(() => lines(onV1, { hugepageLimits: [{ pageSize: "../2MB", limit: 1 }] }))).toContain("INVALID_OPTION");
    expect(failure(() => lines(onV1, { network: { priorities: [{ name: "a b", priority: 1 }] } }))).toContain("INVALID_OPTION");
    const request = { resources: {}, layout: onV1, root: "/w", hasFile: () => false };
    for (const path of ["relative", "/a/../b", "/a/", "/a\nb"])
      expect(failure(() => compileCgroups({ ...request, path }))).toContain("INVALID_OPTION");
  });

  test("turns the device list into writes on v1 and into a program on v2", () => {
    const devices = [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
      { allow: true, type: "a", major: 7, access: "m" },
    ];
    const resources: OciResources = { devices };
    const expected = [
      "/devices devices.deny a",
      "/devices devices.allow c 1:3 rw",
      "/devices devices.allow b 7:* m",
      "/devices devices.allow c 7:* m",
    ];
    expect(lines(onV1, resources)).toEqual(expected);
    expect(lines(onHybrid, resources)).toEqual(expected);
    expect(lines(onV2, resources)).toEqual([]);
    expect(compile(onV2, resources).deviceProgram?.length).toBeGreaterThan(8);
    expect(compile(onV2, { devices: [{ allow: true }] }).deviceProgram).toBeUndefined();
    expect(lines(onV1, { devices: [{ allow: true }] })).toEqual([]);
  });

  test("refuses to start with a device list that nothing enforces, though nobody asked for it", () => {
    const without: CgroupLayout = { mode: "v1", systemd: false, hierarchies: [v1("memory")] };
    expect(failure(() => compile(without, { devices: [{ allow: false }] }, { defaulted: ["devices"] }))).toContain("`devices`");
    expect(compile(without, { devices: [{ allow: true }] }).warnings).toEqual([]);
  });
});

describe("cpuWeight()", () => {
  test("fits minimum, default and maximum", () => {
    expect([0, 2, 1024, 262_144, 999_999].map(cpuWeight)).toEqual([1, 1, 100, 10_000, 10_000]);
  });
});

describe("ioWeight()", () => {
  test("fits minimum and maximum", () => {
    expect([10, 1000].map(ioWeight)).toEqual([1, 10_000]);
  });
});
