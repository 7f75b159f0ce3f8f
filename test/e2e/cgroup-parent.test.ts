// `--cgroup-parent`: a container's control group beneath one of the user's, whose limits then hold for all in it.
import { afterAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../../src/core/cgroup-layout.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("cgroup-parent");
const layout = detectCgroupLayout();
const name = `wherrytest${process.pid}`;
/** Two levels, as the user names them, and where they are. */
const given = layout.systemd ? `${name}-deep.slice` : `/${name}/deep`;
const parent = layout.systemd ? `/${name}.slice/${name}-deep.slice` : given;
const directories = (path: string): readonly string[] => layout.hierarchies.map((hierarchy) => cgroupDirectory(hierarchy, path));
const isThere = (path: string): boolean => directories(path).some((directory) => existsSync(directory));

afterAll(() => {
  if (layout.systemd) spawnSync("systemctl", ["stop", `${name}.slice`]);
  for (const path of [parent, parent.slice(0, parent.lastIndexOf("/"))])
    for (const directory of directories(path)) if (existsSync(directory)) rmdirSync(directory);
});

/** Of the hierarchies that limit something: the group's path in each. */
async function groupsOf(reference: string): Promise<readonly string[]> {
  const pid = await host.ok(["inspect", "-f", "{{.State.Pid}}", reference]);
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  return lines.flatMap((line) => {
    const [, names = "", path = ""] = line.split(":");
    const found = layout.hierarchies.find(({ version, controllers }) =>
      version === 2 ? names === "" : names.split(",").some((controller) => controllers.includes(controller)),
    );
    return found === undefined ? [] : [path];
  });
}

function memoryLimit(path: string): string {
  const hierarchy = hierarchyOf(layout, "memory");
  if (hierarchy === undefined) throw new Error("this host has no memory controller");
  const file = hierarchy.version === 2 ? "memory.max" : "memory.limit_in_bytes";
  return readFileSync(`${cgroupDirectory(hierarchy, path)}/${file}`, "utf8").trim();
}

describe("--cgroup-parent", () => {
  test("its group, with its limits, is in the named one; update, exec, pause, stop, start and rm find it there", async () => {
    const id = await host.ok(["run", "-d", "--name", "in", "--cgroup-parent", given, "--memory", "64m", "base", "sleep", "1000"]);
    const [group = "", ...others] = new Set(await groupsOf("in"));
    expect(others).toEqual([]);
    expect(group).toStartWith(`${parent}/`);
    expect(group).toContain(id);
    expect(memoryLimit(group)).toBe(String(64 << 20));
    await host.ok(["update", "--memory", "96m", "--memory-swap", "96m", "in"]);
    // It would write what it knows.
    if (layout.systemd) spawnSync("systemctl", ["daemon-reload"]);
    expect(memoryLimit(group)).toBe(String(96 << 20));
    expect(await host.ok(["inspect", "-f", "{{.HostConfig.CgroupParent}}", "in"])).toBe(given);
    expect(await host.ok(["exec", "in", "echo", "hi"])).toBe("hi");
    await host.ok(["pause", "in"]);
    expect(await host.ok(["ps", "--format", "{{.Status}}"])).toEndWith("(Paused)");
    await host.ok(["unpause", "in"]);
    expect(await host.ok(["stats", "--no-stream", "--format", "{{.PIDs}}", "in"])).toBe("1");
    await host.ok(["stop", "-t", "0", "in"]);
    await poll("its group to be gone", () => !isThere(group));
    await host.ok(["start", "in"]);
    expect([...new Set(await groupsOf("in"))]).toEqual([group]);
    await host.ok(["rm", "-f", "in"]);
    await poll("its group to be gone", () => !isThere(group));
  });

  test("a container that does not start leaves no group", async () => {
    const { code } = await host.wherry(["run", "--rm", "--cgroup-parent", given, "base", "no-such-command"]);
    expect(code).toBe(127);
    const groups = () =>
      directories(parent)
        .filter((directory) => existsSync(directory))
        .flatMap((directory) => readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()));
    await poll("no group", () => groups().length === 0);
  });

  test("what can't be a parent is refused before anything is made", async () => {
    const { code, stderr } = await host.wherry(["create", "--cgroup-parent", "../up", "base"]);
    expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
    expect(stderr).toContain(layout.systemd ? "xxx.slice" : "--cgroup-parent");
    expect(await host.ok(["ps", "-aq"])).toBe("");
  });
});
