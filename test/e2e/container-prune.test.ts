// wherry container prune and update, on the built program.
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../../src/core/cgroup-layout.ts";
import { instanceName } from "../../src/core/ids.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { cgroupRootPath } from "../../src/kernel/cgroup-root.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const host = useWherryHost("container-prune");
const options = ["--network", "none"];

describe("container prune", () => {
  test("asks, and removes what does not run", async () => {
    await host.ok(["run", "-d", "--name", "runs", ...options, "base", "sleep", "100000"]);
    await host.ok(["run", "--name", "ended", ...options, "base", "dd", "if=/dev/zero", "of=/file", "bs=1M", "count=3"]);
    await host.ok(["create", "--name", "created", "--label", "keep=yes", ...options, "base"]);
    const asked = await host.wherry(["container", "prune"], { stdin: "n\n" });
    expect(asked).toMatchObject({
      code: 0,
      stdout: "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ",
    });
    const before = Number((await host.ok(["system", "df", "--format", "{{.Type}} {{.Reclaimable}}"])).match(/Containers ([\d.]+)/)?.[1]);
    expect(before).toBeGreaterThan(3);
    const id = await host.ok(["inspect", "-f", "{{.Id}}", "ended"]);
    const pruned = await host.ok(["container", "prune", "-f", "--filter", "label!=keep=yes"]);
    const reclaimed = Number(/^Deleted Containers:\n(\w+)\n\nTotal reclaimed space: ([\d.]+)MB$/.exec(pruned)?.[2]);
    expect(pruned).toContain(id);
    expect(reclaimed).toBeGreaterThan(3);
    expect(reclaimed).toBeLessThan(before + 0.1);
    expect((await host.ok(["ps", "-a", "--format", "{{.Names}}"])).split("\n").sort()).toEqual(["created", "runs"]);
  });
  test("filters: until and label", async () => {
    expect(await host.ok(["container", "prune", "-f", "--filter", "until=1h"])).toBe("Total reclaimed space: 0B");
    expect(await host.ok(["container", "prune", "-f", "--filter", "label=keep=no"])).toBe("Total reclaimed space: 0B");
    expect((await host.wherry(["container", "prune", "-f", "--filter", "name=x"])).stderr).toMatch(/^wherry: invalid filter 'name'/);
    expect(await host.ok(["container", "prune", "-f", "--filter", "label=keep", "--filter", "until=0s"])).toContain("Deleted Containers:");
    expect(await host.ok(["ps", "-aq"])).toBe((await host.ok(["ps", "-q"])).trim());
  });
});

describe("update", () => {
  const layout = detectCgroupLayout();
  const read = async (controller: string, ...files: readonly string[]): Promise<string> => {
    const id = await host.ok(["inspect", "-f", "{{.Id}}", "runs"]);
    const hierarchy = hierarchyOf(layout, controller);
    if (hierarchy === undefined) throw new Error(`no hierarchy of ${controller}`);
    const directory = cgroupDirectory(hierarchy, `${cgroupRootPath(layout, instanceName(host.root))}/${id}`);
    return readFileSync(`${directory}/${files[hierarchy.version === 1 ? 0 : 1]}`, "utf8").trim();
  };
  test("at once, and for the next start", async () => {
    expect(await host.ok(["update", "--memory", "64m", "--pids-limit", "50", "--cpus", "0.5", "runs"])).toBe("runs");
    const check = async () => {
      expect(await read("memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64 * 1024 * 1024));
      expect(await read("pids", "pids.max", "pids.max")).toBe("50");
      expect(await read("cpu", "cpu.cfs_quota_us", "cpu.max")).toMatch(/^50000/);
      expect(await host.ok(["inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "runs"])).toBe("67108864 500000000");
    };
    await check();
    await host.ok(["restart", "-t", "0", "runs"]);
    await check();
    await host.ok(["update", "--pids-limit", "-1", "runs"]);
    expect(await read("pids", "pids.max", "pids.max")).toBe("max");
    expect(await read("memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64 * 1024 * 1024));
  });
  test("refused in docker's words; what was stays", async () => {
    const refuses = async (...args: readonly string[]) => (await host.wherry(["update", ...args, "runs"])).stderr;
    expect(await refuses()).toBe("wherry: you must provide one or more flags when using this command\n");
    expect(await refuses("--memory", "1g")).toMatch(/Memory limit should be smaller than already set memoryswap limit/);
    expect(await refuses("--cpu-quota", "1000")).toMatch(/CPU Period or Quota cannot be updated as NanoCPUs has already been set/);
    expect(await host.ok(["inspect", "-f", "{{.HostConfig.Memory}}", "runs"])).toBe("67108864");
    await host.ok(["update", "--memory", "128m", "--memory-swap", "256m", "runs"]);
    expect(await read("memory", "memory.limit_in_bytes", "memory.max")).toBe(String(128 * 1024 * 1024));
  });
});
