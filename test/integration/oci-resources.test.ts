import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../../src/core/cgroup-layout.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { compileCgroups } from "../../src/plan/cgroups/compile-cgroups.ts";
import type { OciResources } from "../../src/plan/oci-config.ts";
import { ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

// What the container itself reads in its cgroups, on hosts of either version.
const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

const layout = detectCgroupLayout();
const isV1 = (controller: string): boolean => hierarchyOf(layout, controller)?.version === 1;
const has = (controller: string): boolean => hierarchyOf(layout, controller) !== undefined;

let host: PlanHost;
const undo: (() => void)[] = [];

beforeAll(() => {
  host = new PlanHost("oci-resources");
  delegate();
});

afterAll(async () => {
  await host.close();
  for (const step of undo) step();
});

/** What a group above must allow: controllers on v2, real-time on v1. */
function delegate(): void {
  for (const hierarchy of layout.hierarchies) {
    const directory = cgroupDirectory(hierarchy, `/${host.group}`);
    if (hierarchy.version === 1) {
      if (existsSync(`${directory}/cpu.rt_runtime_us`)) writeFileSync(`${directory}/cpu.rt_runtime_us`, "20000");
      continue;
    }
    for (const at of [hierarchy.mountPoint, directory]) {
      const read = (file: string): string[] =>
        readFileSync(`${at}/${file}`, "utf8")
          .split(/\s+/)
          .filter((word) => word !== "");
      const passedOn = read("cgroup.subtree_control");
      for (const controller of read("cgroup.controllers").filter((name) => !passedOn.includes(name))) {
        writeFileSync(`${at}/cgroup.subtree_control`, `+${controller}`);
        if (at === hierarchy.mountPoint) undo.unshift(() => writeFileSync(`${at}/cgroup.subtree_control`, `-${controller}`));
      }
    }
  }
}

/** The disk of the test's files, which has queues to throttle. */
function disk(): { readonly major: number; readonly minor: number } {
  for (const device of [statSync(host.directory).dev, ...readFileSync("/proc/diskstats", "utf8").split("\n").map(fromDiskstats)]) {
    const major = (device >> 8) & 0xfff;
    const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    if (existsSync(`/sys/dev/block/${major}:${minor}/queue`)) return { major, minor };
  }
  throw new Error("no disk");
}

function fromDiskstats(line: string): number {
  const [major = 0, minor = 0] = line.trim().split(/\s+/).map(Number);
  return (major << 8) | minor;
}

/** The files of the container's groups, as it sees them: `controller/file`. */
async function seen(resources: OciResources, files: readonly (readonly [controller: string, file: string])[]): Promise<readonly string[]> {
  const id = "limited";
  const path = `/${host.group}/${id}`;
  const hasFile = (controller: string, file: string): boolean => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, `/${host.group}/monitors`)}/${file}`);
  };
  const cgroups = compileCgroups({ resources, layout, root: `/${host.group}`, path, hasFile });
  const inside = (controller: string): string => {
    const hierarchy = controller === "cgroup" ? layout.hierarchies.find(({ version }) => version === 2) : hierarchyOf(layout, controller);
    if (hierarchy === undefined) throw new Error(`no controller ${controller}`);
    return layout.mode === "v2" ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${hierarchy.mountPoint.slice("/sys/fs/cgroup/".length)}`;
  };
  const script = files.map(([controller, file]) => `cat ${inside(controller)}/${file} | tr '\\n' ' '; echo`).join("; ");
  const output = await host.runInput(ociInput(host, script, { launch: { id }, input: { cgroups } }));
  return output
    .split("\n")
    .slice(0, files.length)
    .map((line) => line.trim());
}

describe("linux.resources", () => {
  test("memory", async () => {
    const memory = { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 };
    if (isV1("memory")) {
      const more = { ...memory, swappiness: 17, disableOOMKiller: true, kernelTCP: 8 << 20, kernel: 1 << 30, useHierarchy: true };
      const values = await seen({ memory: more }, [
        ["memory", "memory.limit_in_bytes"],
        ["memory", "memory.soft_limit_in_bytes"],
        ["memory", "memory.memsw.limit_in_bytes"],
        ["memory", "memory.swappiness"],
        ["memory", "memory.oom_control"],
        ["memory", "memory.kmem.tcp.limit_in_bytes"],
        ["memory", "memory.use_hierarchy"],
      ]);
      expect(values.slice(0, 4)).toEqual([`${64 << 20}`, `${32 << 20}`, `${96 << 20}`, "17"]);
      expect(values[4]).toStartWith("oom_kill_disable 1");
      expect(values.slice(5)).toEqual([`${8 << 20}`, "1"]);
    } else {
      const files = ["memory.max", "memory.low", "memory.swap.max"].map((file) => ["memory", file] as const);
      expect(await seen({ memory }, files)).toEqual([`${64 << 20}`, `${32 << 20}`, `${32 << 20}`]);
    }
  });

  test("cpu", async () => {
    const cpu = { shares: 512, period: 50_000, quota: 25_000, burst: 10_000, cpus: "0", mems: "0" };
    if (isV1("cpu")) {
      const values = await seen({ cpu: { ...cpu, realtimePeriod: 500_000, realtimeRuntime: 5000 } }, [
        ["cpu", "cpu.shares"],
        ["cpu", "cpu.cfs_period_us"],
        ["cpu", "cpu.cfs_quota_us"],
        ["cpu", "cpu.cfs_burst_us"],
        ["cpu", "cpu.rt_period_us"],
        ["cpu", "cpu.rt_runtime_us"],
        ["cpuset", "cpuset.cpus"],
        ["cpuset", "cpuset.mems"],
      ]);
      expect(values).toEqual(["512", "50000", "25000", "10000", "500000", "5000", "0", "0"]);
      expect(await seen({ cpu: { idle: 1 } }, [["cpu", "cpu.idle"]])).toEqual(["1"]);
    } else {
      const files = [
        ["cpu", "cpu.weight"],
        ["cpu", "cpu.max"],
        ["cpu", "cpu.max.burst"],
        ["cpuset", "cpuset.cpus"],
        ["cpuset", "cpuset.mems"],
      ] as const;
      expect(await seen({ cpu }, files)).toEqual(["59", "25000 50000", "10000", "0", "0"]);
      expect(await seen({ cpu: { idle: 1 } }, [["cpu", "cpu.idle"]])).toEqual(["1"]);
    }
  });

  test("pids", async () => {
    expect(await seen({ pids: { limit: 42 } }, [["pids", "pids.max"]])).toEqual(["42"]);
  });

  test("blockIO", async () => {
    const device = disk();
    const name = `${device.major}:${device.minor}`;
    const blockIO = {
      throttleReadBpsDevice: [{ ...device, rate: 1_048_576 }],
      throttleWriteBpsDevice: [{ ...device, rate: 2_097_152 }],
      throttleReadIOPSDevice: [{ ...device, rate: 100 }],
      throttleWriteIOPSDevice: [{ ...device, rate: 200 }],
    };
    if (isV1("blkio")) {
      const files = ["read_bps", "write_bps", "read_iops", "write_iops"].map((file) => ["blkio", `blkio.throttle.${file}_device`] as const);
      expect(await seen({ blockIO }, files)).toEqual([`${name} 1048576`, `${name} 2097152`, `${name} 100`, `${name} 200`]);
    } else {
      expect(await seen({ blockIO }, [["io", "io.max"]])).toEqual([`${name} rbps=1048576 wbps=2097152 riops=100 wiops=200`]);
    }
  });

  test("unified", async () => {
    if (layout.mode === "v1") return;
    const files = [
      ["cgroup", "cgroup.max.depth"],
      ["cgroup", "cgroup.max.descendants"],
    ] as const;
    expect(await seen({ unified: { "cgroup.max.depth": "3", "cgroup.max.descendants": "7" } }, files)).toEqual(["3", "7"]);
  });

  test("hugepageLimits", async () => {
    const resources = { hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }] };
    if (!has("hugetlb")) await expect(seen(resources, [])).rejects.toThrow("cgroup controller `hugetlb` is not available");
    else
      expect(await seen(resources, [["hugetlb", isV1("hugetlb") ? "hugetlb.2MB.limit_in_bytes" : "hugetlb.2MB.max"]])).toEqual([
        `${4 << 20}`,
      ]);
  });

  test("network, which cgroup v1 alone has", async () => {
    const resources = { network: { classID: 0x10_0001, priorities: [{ name: "lo", priority: 5 }] } };
    if (!has("net_cls"))
      await expect(seen(resources, [])).rejects.toThrow(layout.mode === "v2" ? "exists in cgroup v1 only" : "is not available");
    else expect(await seen(resources, [["net_cls", "net_cls.classid"]])).toEqual([String(0x10_0001)]);
  });

  test("rdma", async () => {
    // No host of ours has such a device; the controller says so.
    const resources = { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 100 } } };
    await expect(seen(resources, [])).rejects.toThrow(has("rdma") ? "rdma.max" : "cgroup controller `rdma` is not available");
  });

  test("devices: a list decides which nodes can be opened", async () => {
    const devices = [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 5, access: "wm" },
      { allow: true, type: "c", major: 1, minor: 9, access: "rwm" },
    ];
    const id = "devices";
    const cgroups = compileCgroups({
      resources: { devices },
      layout,
      root: `/${host.group}`,
      path: `/${host.group}/${id}`,
      hasFile: () => false,
    });
    const open = (path: string): string => `head -c 1 ${path} > /dev/null 2>&1 && echo ${path}`;
    const script = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/full"].map(open).join("; ");
    const output = await host.runInput(ociInput(host, `${script}; echo end`, { launch: { id }, input: { cgroups } }));
    expect(output).toBe("/dev/null\n/dev/urandom\nend\nstatus 0\n");
  });
});
