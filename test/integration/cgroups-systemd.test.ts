import { afterEach, describe, expect } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { cgroupDirectory } from "../../src/core/cgroup-layout.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { type CgroupRoot, ensureCgroupRoot } from "../../src/kernel/cgroup-root.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "systemd", "cgroup-v2", "payload");

const name = `wherry-systemd${process.pid}`;
const systemctl = (...args: readonly string[]): string => spawnSync("systemctl", args, { encoding: "utf8" }).stdout.trim();

describe("Wherry's group under systemd", () => {
  const directory = (root: CgroupRoot, below = ""): string => {
    const [hierarchy] = root.layout.hierarchies;
    return hierarchy === undefined ? "" : `${cgroupDirectory(hierarchy, root.path)}${below}`;
  };
  const words = (path: string): readonly string[] => readFileSync(path, "utf8").split(/\s+/).filter(Boolean);

  afterEach(async () => {
    systemctl("stop", `${name}-containers.service`);
    await poll("the unit to be gone", () => systemctl("show", "-P", "LoadState", `${name}-containers.service`) === "not-found");
  });

  test("is a delegated unit whose one process is out of the containers' way", () => {
    const root = ensureCgroupRoot(detectCgroupLayout(), name);
    expect(root.path).toBe(`/system.slice/${name}-containers.service`);
    expect(systemctl("show", "-P", "Delegate", `${name}-containers.service`)).toBe("yes");
    expect(systemctl("show", "-P", "OOMPolicy", `${name}-containers.service`)).toBe("continue");
    expect(words(directory(root, "/cgroup.procs"))).toEqual([]);
    expect(words(directory(root, "/monitors/cgroup.procs"))).toHaveLength(1);
    expect(words(directory(root, "/cgroup.subtree_control"))).toEqual(expect.arrayContaining(["cpu", "cpuset", "io", "memory", "pids"]));
  });

  test("keeps containers, limits and controllers when systemd reloads and re-executes itself", async () => {
    const root = ensureCgroupRoot(detectCgroupLayout(), name);
    mkdirSync(directory(root, "/c"));
    writeFileSync(directory(root, "/c/memory.max"), String(64 << 20));
    const child = spawn("sleep", ["1000"]);
    writeFileSync(directory(root, "/c/cgroup.procs"), String(child.pid));
    systemctl("daemon-reload");
    systemctl("daemon-reexec");
    await poll("systemd to answer again", () => systemctl("is-active", `${name}-containers.service`) === "active");
    expect(readFileSync(directory(root, "/c/memory.max"), "utf8").trim()).toBe(String(64 << 20));
    expect(words(directory(root, "/c/cgroup.procs"))).toEqual([String(child.pid)]);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    systemctl("stop", `${name}-containers.service`);
    // Stopping the unit is the administrator's way to stop all containers.
    await gone;
    await poll("the group to be gone", () => !existsSync(directory(root)));
  }, 60_000);

  test("survives a container that is killed for its memory", async () => {
    const root = ensureCgroupRoot(detectCgroupLayout(), name);
    mkdirSync(directory(root, "/c"));
    writeFileSync(directory(root, "/c/memory.max"), String(16 << 20));
    const script = `echo 0 > ${directory(root, "/c/cgroup.procs")} && exec ${repository}/test/payload/build/payload eat 64`;
    expect(spawnSync("sh", ["-c", script], { stdio: "ignore" }).signal).toBe("SIGKILL");
    // systemd acts on a kill after a notification: ask for something that it answers only afterwards.
    systemctl("daemon-reload");
    expect(systemctl("is-active", `${name}-containers.service`)).toBe("active");
    rmdirSync(directory(root, "/c"));
  }, 60_000);
});
