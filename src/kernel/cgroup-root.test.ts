import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import type { CgroupHierarchy, CgroupLayout } from "../core/cgroup-layout.ts";
import { ensureCgroupRoot } from "./cgroup-root.ts";

/** Plain directories as hierarchies: what the kernel puts into a new group is put there by the test. */
describe("ensureCgroupRoot()", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/wherry-cgroot-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (path: string, text: string): void => {
    mkdirSync(`${directory}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${directory}/${path}`, text);
  };
  const read = (path: string): string => readFileSync(`${directory}/${path}`, "utf8");
  const hierarchy = (version: 1 | 2, name: string, ...controllers: string[]): CgroupHierarchy => ({
    version,
    mountPoint: `${directory}/${name}` as HostPath,
    controllers,
    name: "",
  });
  const layout = (mode: CgroupLayout["mode"], ...hierarchies: CgroupHierarchy[]): CgroupLayout => ({ mode, hierarchies, systemd: false });

  test("fills v1's cpuset from above and lets groups beneath inherit it", () => {
    write("cpuset/cpuset.cpus", "0-3\n");
    write("cpuset/cpuset.mems", "0\n");
    write("cpuset/wherry-x/cpuset.cpus", "\n");
    write("cpuset/wherry-x/cpuset.mems", "\n");
    mkdirSync(`${directory}/memory`);
    const root = ensureCgroupRoot(layout("v1", hierarchy(1, "cpuset", "cpuset"), hierarchy(1, "memory", "memory")), "wherry-x");
    expect(root.path).toBe("/wherry-x");
    expect([
      read("cpuset/wherry-x/cpuset.cpus"),
      read("cpuset/wherry-x/cpuset.mems"),
      read("cpuset/wherry-x/cgroup.clone_children"),
    ]).toEqual(["0-3", "0", "1"]);
    expect(statSync(`${directory}/memory/wherry-x/monitors`).isDirectory()).toBe(true);
  });

  test("is made anew under systemd where the unit was stopped, which leaves v1's hierarchies that systemd does not know", () => {
    const group = "system.slice/wherry-x-containers.service";
    mkdirSync(`${directory}/freezer/${group}/monitors`, { recursive: true });
    // As if just started again.
    mkdirSync(`${directory}/systemd/${group}`, { recursive: true });
    const hierarchies = [{ ...hierarchy(1, "systemd"), name: "systemd" }, hierarchy(1, "freezer", "freezer")];
    expect(ensureCgroupRoot({ mode: "v1", hierarchies, systemd: true }, "wherry-x").path).toBe(`/${group}`);
    expect(statSync(`${directory}/systemd/${group}/monitors`).isDirectory()).toBe(true);
  });

  test("passes v2's controllers on at every level, and only those that are not yet", () => {
    write("cg/cgroup.controllers", "cpu memory pids\n");
    write("cg/cgroup.subtree_control", "cpu\n");
    write("cg/wherry-x/cgroup.controllers", "cpu memory pids\n");
    write("cg/wherry-x/cgroup.subtree_control", "");
    write("cg/wherry-x/cgroup.procs", "");
    ensureCgroupRoot(layout("v2", hierarchy(2, "cg", "cpu", "memory", "pids")), "wherry-x");
    expect(read("cg/cgroup.subtree_control")).toBe("+memory +pids");
    expect(read("cg/wherry-x/cgroup.subtree_control")).toBe("+cpu +memory +pids");
  });

  test("leaves the top of v2 alone on a hybrid host", () => {
    write("cg/cgroup.controllers", "hugetlb\n");
    write("cg/cgroup.subtree_control", "");
    write("cg/wherry-x/cgroup.controllers", "");
    write("cg/wherry-x/cgroup.subtree_control", "");
    write("cg/wherry-x/cgroup.procs", "");
    mkdirSync(`${directory}/memory`);
    const root = ensureCgroupRoot(layout("hybrid", hierarchy(1, "memory", "memory"), hierarchy(2, "cg", "hugetlb")), "wherry-x");
    expect(read("cg/cgroup.subtree_control")).toBe("");
    expect(root.layout.hierarchies[1]?.controllers).toEqual([]);
  });

  test("moves a process out of the root, which may have none on v2", () => {
    write("cg/cgroup.controllers", "");
    write("cg/cgroup.subtree_control", "");
    write("cg/wherry-x/cgroup.controllers", "");
    write("cg/wherry-x/cgroup.subtree_control", "");
    write("cg/wherry-x/cgroup.procs", "42\n");
    ensureCgroupRoot(layout("v2", hierarchy(2, "cg")), "wherry-x");
    expect(read("cg/wherry-x/monitors/cgroup.procs")).toBe("42");
  });

  test("does nothing more once it is there", () => {
    mkdirSync(`${directory}/memory/wherry-x/monitors`, { recursive: true });
    write("memory/wherry-x/monitors/memory.oom_control", "");
    const root = ensureCgroupRoot(layout("v1", hierarchy(1, "missing"), hierarchy(1, "memory", "memory")), "wherry-x");
    expect(existsSync(`${directory}/missing`)).toBe(false);
    expect([root.hasFile("memory", "memory.oom_control"), root.hasFile("memory", "other"), root.hasFile("pids", "pids.max")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("says what went wrong", () => {
    writeFileSync(`${directory}/memory`, "a file in the way");
    expect(() => ensureCgroupRoot(layout("v1", hierarchy(1, "memory", "memory")), "wherry-x")).toThrow(
      "prepare the control group `/wherry-x`",
    );
  });
});
