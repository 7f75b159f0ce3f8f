import { expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { ownCgroupDirectory } from "../kernel/make-cgroup.ts";
import { bundleCgroupPath } from "./bundle-cgroups.ts";

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
