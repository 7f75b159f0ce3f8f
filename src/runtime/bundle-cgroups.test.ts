import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import { ownCgroupDirectory } from "../kernel/make-cgroup.ts";
import { bundleCgroupPath, joinCgroups } from "./bundle-cgroups.ts";

const pathOf = (cgroupsPath?: string) =>
  bundleCgroupPath({ ociVersion: "1.0.2", linux: cgroupsPath === undefined ? {} : { cgroupsPath } }, "id1");

test("bundleCgroupPath() counts from the mount points", () => {
  expect(pathOf("/docker/abc")).toBe("/docker/abc");
  expect(pathOf("a//b/./c/")).toBe("/a/b/c");
  expect(pathOf()).toBe("/wherry-oci-id1");
  expect(pathOf("")).toBe("/wherry-oci-id1");
  for (const outside of ["/../x", "a/../../b", "/a\nb"]) expect(() => pathOf(outside)).toThrow("leads out of");
  expect(() => pathOf("system.slice:docker:abc")).toThrow("--systemd-cgroup");
});

test("ownCgroupDirectory() finds the caller's group, or stays at the root where it lies outside", () => {
  const text = "9:name=systemd:/s\n4:cpu,cpuacct:/one/two\n0::/three\n";
  const hierarchy = (version: 1 | 2, controllers: readonly string[], name = "") =>
    ({ version, mountPoint: "/cg" as HostPath, controllers, name }) as const;
  expect(ownCgroupDirectory(hierarchy(1, ["cpu", "cpuacct"]), text)).toBe("/cg/one/two" as HostPath);
  expect(ownCgroupDirectory(hierarchy(2, ["memory"]), text)).toBe("/cg/three" as HostPath);
  expect(ownCgroupDirectory(hierarchy(1, [], "systemd"), text)).toBe("/cg/s" as HostPath);
  expect(ownCgroupDirectory(hierarchy(1, ["memory"]), text)).toBe("/cg" as HostPath);
  expect(ownCgroupDirectory(hierarchy(2, []), "0::/../x\n")).toBe("/cg" as HostPath);
});

describe("joinCgroups() with groups beneath the container's", () => {
  const join = (beneath: Readonly<Record<string, string>>): readonly string[] => {
    const root = mkdtempSync(`${tmpdir()}/wherry-groups-`) as HostPath;
    try {
      const hierarchy = (version: 1 | 2, name: string, controllers: readonly string[]) =>
        ({ version, mountPoint: `${root}/${name}` as HostPath, controllers, name: "" }) as const;
      for (const path of ["cpu/c/one", "memory/c/one/two", "v2/c"]) mkdirSync(`${root}/${path}`, { recursive: true });
      const hierarchies = [hierarchy(1, "cpu", ["cpu", "cpuacct"]), hierarchy(1, "memory", ["memory"]), hierarchy(2, "v2", [])];
      const { placements } = joinCgroups(
        { layout: { mode: "hybrid", hierarchies, systemd: false }, path: "/c" },
        process.pid,
        new Map(Object.entries(beneath)),
      );
      return placements.map(({ directory }) => directory.slice(root.length + 1));
    } finally {
      rmSync(root, { recursive: true });
    }
  };

  test("one for all hierarchies is taken where it is", () => {
    expect(join({})).toEqual(["cpu/c", "memory/c", "v2/c"]);
    expect(join({ "": "one" })).toEqual(["cpu/c/one", "memory/c/one", "v2/c"]);
    expect(join({ "": "one/two" })).toEqual(["cpu/c", "memory/c/one/two", "v2/c"]);
    expect(() => join({ "": "three" })).toThrow("no control group `three` beneath the container's");
  });

  test("one of a controller has to be there", () => {
    expect(join({ cpu: "one", cpuacct: "one" })).toEqual(["cpu/c/one", "memory/c", "v2/c"]);
    expect(join({ memory: "one/two", cpu: "one" })).toEqual(["cpu/c/one", "memory/c/one/two", "v2/c"]);
    expect(() => join({ cpu: "one/two" })).toThrow("no control group `one/two` of cpu");
    expect(() => join({ blkio: "one" })).toThrow("no control group `one` of blkio");
  });
});
