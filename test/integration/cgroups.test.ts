import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { cgroupDirectory, type CgroupLayout, hierarchyOf } from "../../src/core/cgroup-layout.ts";
import { freezeCgroup, isCgroupFrozen, killCgroup, removeCgroup, thawCgroup } from "../../src/kernel/cgroup-control.ts";
import { type CgroupGroup, listCgroupPids } from "../../src/kernel/cgroup-group.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { type CgroupRoot, ensureCgroupRoot, removeCgroupRoot } from "../../src/kernel/cgroup-root.ts";
import { readCgroupStats } from "../../src/kernel/cgroup-stats.ts";
import { applyCgroupUpdate, readCgroupFile } from "../../src/kernel/cgroup-update.ts";
import { type CompiledCgroups, compileCgroups } from "../../src/plan/cgroups/compile-cgroups.ts";
import { compileCgroupUpdate } from "../../src/plan/cgroups/compile-update.ts";
import type { OciResources } from "../../src/plan/oci-config.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

// v1, hybrid and v2 hosts, with and without systemd: the same behaviour on each.
const test = requires("root", "payload");

const payload = `${repository}/test/payload/build/payload`;
const name = `wherry-test${process.pid}`;

describe("control groups of this host", () => {
  let root: CgroupRoot;
  let layout: CgroupLayout;
  let count = 0;
  const groups: CgroupGroup[] = [];
  const children: ChildProcess[] = [];

  beforeAll(() => {
    root = ensureCgroupRoot(detectCgroupLayout(), name);
    layout = root.layout;
  });
  afterEach(async () => {
    for (const group of groups.splice(0)) {
      await killCgroup(group);
      await removeCgroup(group);
    }
    for (const child of children.splice(0)) await ended(child);
  });
  afterAll(async () => {
    if (layout.systemd) spawnSync("systemctl", ["stop", `${name}-containers.service`], { stdio: "ignore" });
    else removeCgroupRoot(root);
    await poll("Wherry's group to be gone", () =>
      layout.hierarchies.every((hierarchy) => !existsSync(cgroupDirectory(hierarchy, root.path))),
    );
  });

  /** Does what a launch plan does before the clone. */
  function make(resources: OciResources): { readonly group: CgroupGroup; readonly plan: CompiledCgroups } {
    const path = `${root.path}/c${count++}`;
    const plan = compileCgroups({ resources, layout, root: root.path, path, hasFile: root.hasFile });
    for (const { directory, writes } of plan.placements) {
      mkdirSync(directory);
      for (const { file, value } of writes) writeFileSync(`${directory}/${file}`, value);
    }
    const group = { layout, path };
    groups.push(group);
    return { group, plan };
  }

  /** A shell that joins by itself before it becomes the command: nothing of it runs outside. */
  function start(plan: CompiledCgroups, ...command: readonly string[]): ChildProcess {
    const joins = plan.placements.map(({ directory }) => `echo 0 > '${directory}/cgroup.procs'`).join(" && ");
    const child = spawn("sh", ["-c", `${joins} && exec "$@"`, "sh", ...command], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return child;
  }

  async function ended(child: ChildProcess): Promise<string> {
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
    return child.signalCode ?? String(child.exitCode);
  }

  const readBack = (group: CgroupGroup, controller: string, file: string): string => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy === undefined ? "" : readFileSync(`${cgroupDirectory(hierarchy, group.path)}/${file}`, "utf8").trim();
  };
  const isV1 = (controller: string): boolean => hierarchyOf(layout, controller)?.version === 1;

  test("sets what was asked for: the kernel reads it back", () => {
    const { group } = make({
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
      cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: "0", mems: "0" },
      pids: { limit: 33 },
    });
    if (isV1("memory")) {
      expect(readBack(group, "memory", "memory.limit_in_bytes")).toBe(String(64 << 20));
      expect(readBack(group, "memory", "memory.memsw.limit_in_bytes")).toBe(String(96 << 20));
      expect(readBack(group, "memory", "memory.soft_limit_in_bytes")).toBe(String(32 << 20));
      expect(readBack(group, "cpu", "cpu.shares")).toBe("512");
      expect([readBack(group, "cpu", "cpu.cfs_quota_us"), readBack(group, "cpu", "cpu.cfs_period_us")]).toEqual(["20000", "50000"]);
    } else {
      expect(readBack(group, "memory", "memory.max")).toBe(String(64 << 20));
      expect(readBack(group, "memory", "memory.swap.max")).toBe(String(32 << 20));
      expect(readBack(group, "memory", "memory.low")).toBe(String(32 << 20));
      expect(readBack(group, "cpu", "cpu.weight")).toBe("59");
      expect(readBack(group, "cpu", "cpu.max")).toBe("20000 50000");
    }
    expect([readBack(group, "cpuset", "cpuset.cpus"), readBack(group, "cpuset", "cpuset.mems")]).toEqual(["0", "0"]);
    expect(readBack(group, "pids", "pids.max")).toBe("33");
  });

  test("changes limits of a group in use, up and down, and says what the kernel refuses", async () => {
    const { group, plan } = make({ memory: { limit: 64 << 20, swap: 64 << 20 }, pids: { limit: 10 } });
    const child = start(plan, payload, "eat", "32");
    await poll("the payload to hold its memory", () => readCgroupStats(group).memoryUsageBytes > 32 << 20);
    const update = (resources: OciResources): void =>
      applyCgroupUpdate(
        compileCgroupUpdate({
          ...group,
          resources,
          hasFile: root.hasFile,
          read: (controller, file) => readCgroupFile(group, controller, file),
        }),
      );
    update({ memory: { limit: 128 << 20, swap: 256 << 20 }, pids: { limit: 20 }, cpu: { shares: 2048 } });
    expect([readCgroupStats(group).memoryLimitBytes, readCgroupStats(group).pidsLimit]).toEqual([128 << 20, 20]);
    update({ memory: { limit: 48 << 20, swap: 48 << 20 }, pids: { limit: -1 } });
    expect([readCgroupStats(group).memoryLimitBytes, readCgroupStats(group).pidsLimit]).toEqual([48 << 20, 0]);
    update({ memory: { limit: -1, swap: -1 } });
    expect(readCgroupStats(group).memoryLimitBytes).toBe(0);
    expect(() => update({ cpu: { cpus: "4000" } })).toThrow("set the limit `cpu.cpus` to `4000`");
    expect(child.exitCode).toBeNull();
  });

  test("limits a block device's rate", () => {
    const disk = spawnSync("sh", ["-c", "cat /sys/block/[vsn]*/dev /sys/block/loop0/dev 2>/dev/null | head -1"], {
      encoding: "utf8",
    }).stdout.trim();
    const [major = 0, minor = 0] = disk.split(":").map(Number);
    const { group } = make({
      blockIO: { throttleReadBpsDevice: [{ major, minor, rate: 1 << 20 }], throttleWriteIOPSDevice: [{ major, minor, rate: 50 }] },
    });
    if (isV1("blkio")) {
      expect(readBack(group, "blkio", "blkio.throttle.read_bps_device")).toBe(`${disk} ${1 << 20}`);
      expect(readBack(group, "blkio", "blkio.throttle.write_iops_device")).toBe(`${disk} 50`);
    } else {
      expect(readBack(group, "io", "io.max")).toBe(`${disk} rbps=${1 << 20} wbps=max riops=max wiops=50`);
    }
  });

  test("takes a process without any limit, in every hierarchy", async () => {
    const { group, plan } = make({});
    const child = start(plan, "sleep", "1000");
    await poll(
      "the process to be in the group",
      () => listCgroupPids(group).includes(child.pid ?? 0) && readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n",
    );
    for (const line of readFileSync(`/proc/${child.pid}/cgroup`, "utf8").trim().split("\n")) {
      const controllers = line.split(":")[1] ?? "";
      const known = layout.hierarchies.some((hierarchy) =>
        controllers === "" ? hierarchy.version === 2 : hierarchy.controllers.join() === controllers,
      );
      if (known) expect(line.endsWith(group.path)).toBe(true);
    }
    expect(readCgroupStats(group).pids).toBe(1);
  });

  test("kills for memory beyond the limit, and counts it", async () => {
    const { group, plan } = make({ memory: { limit: 16 << 20, swap: 16 << 20 } });
    expect(await ended(start(plan, payload, "eat", "64"))).toBe("SIGKILL");
    const stats = readCgroupStats(group);
    expect([stats.oomKills, stats.memoryLimitBytes]).toEqual([1, 16 << 20]);
  });

  test("throttles a busy process, and counts it", async () => {
    const { group, plan } = make({ cpu: { quota: 10_000, period: 100_000 } });
    start(plan, "sh", "-c", "while :; do :; done");
    const stats = await poll("a throttled period that has ended", () => {
      const now = readCgroupStats(group);
      return now.cpuThrottledPeriods > 0 && now.cpuThrottledNanos > 0n && now; // the time is added when the throttling ends
    });
    expect(stats.cpuThrottledNanos).toBeGreaterThan(0n);
    expect(stats.cpuUsageNanos).toBeGreaterThan(0n);
  });

  test("stops forks at the limit of pids", async () => {
    const { plan } = make({ pids: { limit: 5 } });
    const child = start(plan, payload, "forks", "20");
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await poll("the payload to tell how many forks it got", () => /\b4\b/.test(output));
  });

  test("freezes, thaws, and kills what is frozen", async () => {
    const { group, plan } = make({});
    const child = start(plan, "sh", "-c", "while :; do echo x; done");
    child.stdout?.resume();
    await poll("the loop to run", () => listCgroupPids(group).length > 0 && readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sh\n");
    await freezeCgroup(group);
    expect(isCgroupFrozen(group)).toBe(true);
    const ticks = (): string => readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ").slice(13, 15).join();
    const before = ticks();
    spawnSync("sh", ["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]);
    expect(ticks()).toBe(before);
    thawCgroup(group);
    expect(isCgroupFrozen(group)).toBe(false);
    await freezeCgroup(group);
    await killCgroup(group);
    expect(await ended(child)).toBe("SIGKILL");
  });

  test("kills what has frozen itself in a group beneath, and removes that group", async () => {
    const { group, plan } = make({});
    const child = start(plan, "sleep", "1000");
    await poll("the process", () => listCgroupPids(group).includes(child.pid ?? 0));
    const freezer = layout.hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes("freezer"));
    const hierarchy = freezer ?? layout.hierarchies.find(({ version }) => version === 2);
    if (hierarchy === undefined) throw new Error("no freezer");
    const below = `${cgroupDirectory(hierarchy, group.path)}/below`;
    mkdirSync(below);
    writeFileSync(`${below}/cgroup.procs`, String(child.pid));
    writeFileSync(`${below}/${freezer === undefined ? "cgroup.freeze" : "freezer.state"}`, freezer === undefined ? "1" : "FROZEN");
    await killCgroup(group);
    expect(await ended(child)).toBe("SIGKILL");
    await removeCgroup(group);
    expect(existsSync(below)).toBe(false);
  });

  test("kills everything, however much it forks, also in groups beneath", async () => {
    const { group, plan } = make({});
    start(plan, "sh", "-c", "for i in 1 2 3 4 5; do sleep 1000 & done; wait");
    await poll("all processes", () => listCgroupPids(group).length >= 6);
    for (const { directory } of plan.placements) mkdirSync(`${directory}/below/further`, { recursive: true });
    await killCgroup(group);
    await removeCgroup(group);
    expect(layout.hierarchies.filter((hierarchy) => existsSync(cgroupDirectory(hierarchy, group.path)))).toEqual([]);
    expect(listCgroupPids(group)).toEqual([]);
  });

  test("freezes and kills by v1's freezer where there is no v2", async () => {
    if (hierarchyOf(layout, "freezer") === undefined) return;
    const { group, plan } = make({});
    const v1 = {
      path: group.path,
      layout: { ...layout, mode: "v1" as const, hierarchies: layout.hierarchies.filter(({ version }) => version === 1) },
    };
    const child = start(plan, "sh", "-c", "for i in 1 2 3 4 5; do (while :; do (:); done) & done; wait");
    await poll("all processes", () => listCgroupPids(v1).length >= 6);
    await freezeCgroup(v1);
    expect(isCgroupFrozen(v1)).toBe(true);
    await killCgroup(v1);
    expect(await ended(child)).toBe("SIGKILL");
    await poll("the forking children to be gone too", () => listCgroupPids(v1).length === 0);
  });

  test("removing and killing what is gone is no error", async () => {
    const gone: CgroupGroup = { layout, path: `${root.path}/gone` };
    await killCgroup(gone);
    await removeCgroup(gone);
    const onlyV1 = { ...layout, hierarchies: layout.hierarchies.filter(({ version }) => version === 1) };
    if (onlyV1.hierarchies.length > 0) await killCgroup({ layout: onlyV1, path: gone.path });
    expect(readCgroupStats(gone).pids).toBe(0);
  });

  test("denies devices by v1's list", () => {
    if (!isV1("devices")) return;
    const { plan } = make({ devices: [{ allow: false }, { allow: true, type: "c", major: 1, minor: 3, access: "rw" }] });
    const devices = plan.placements.find(({ directory }) => directory.includes("/devices/"));
    const script = `echo 0 > ${devices?.directory}/cgroup.procs; : < /dev/null && echo null; : < /dev/zero && echo zero; true`;
    expect(spawnSync("sh", ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).stdout).toBe("null\n");
  });

  test("makes its root once, whoever comes first", async () => {
    const code = `
      const { detectCgroupLayout } = await import("${repository}/src/kernel/cgroup-layout.ts");
      const { ensureCgroupRoot } = await import("${repository}/src/kernel/cgroup-root.ts");
      ensureCgroupRoot(detectCgroupLayout(), "${name}b");`;
    const runs = Array.from({ length: 4 }, () => spawn(process.execPath, ["-e", code], { stdio: ["ignore", "ignore", "pipe"] }));
    const results = await Promise.all(
      runs.map(async (run) => {
        let text = "";
        run.stderr.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        return `${await ended(run)}${text}`;
      }),
    );
    const second = ensureCgroupRoot(detectCgroupLayout(), `${name}b`);
    if (layout.systemd) spawnSync("systemctl", ["stop", `${name}b-containers.service`], { stdio: "ignore" });
    else removeCgroupRoot(second);
    expect(results).toEqual(["0", "0", "0", "0"]);
  }, 60_000);

  test("leaves no descriptor behind", () => {
    // Everything above opens and closes by itself: the next free descriptor is a low one.
    const next = openSync("/dev/null", "r");
    closeSync(next);
    expect(next).toBeLessThan(100);
  });
});
