import { describe, expect, test } from "bun:test";
import type { ContainerId, HostPath } from "../core/brands.ts";
import type { CgroupLayout } from "../core/cgroup-layout.ts";
import { parentedGroup } from "./parent-group.ts";

const id = "0123456789ab".padEnd(64, "c") as ContainerId;
const layout = (systemd: boolean): CgroupLayout => ({
  mode: "v2",
  hierarchies: [{ version: 2, mountPoint: "/sys/fs/cgroup" as HostPath, controllers: [], name: "" }],
  systemd,
});
const group = (cgroupParent: string | undefined, { systemd = false } = {}) =>
  parentedGroup(layout(systemd), "wherry", { id, options: JSON.stringify({ image: "i", resources: { memoryBytes: 1, cgroupParent } }) });

describe("parentedGroup()", () => {
  test("is none of a container without a parent", () => {
    expect(group(undefined)).toBeNull();
    expect(group("")).toBeNull();
  });
  test.each([
    ["/batch", `/batch/${id}`],
    ["batch", `/batch/${id}`],
    ["//batch/./night/", `/batch/night/${id}`],
    ["/", `/${id}`],
    ["x.slice", `/x.slice/${id}`],
  ])("is the container's id beneath %p", (parent, path) => {
    expect(group(parent)).toEqual({ path, scope: null });
  });
  test("leads nowhere else", () => {
    expect(() => group("../x")).toThrow("--cgroup-parent");
    expect(() => group("/a/../../b")).toThrow("--cgroup-parent");
  });
  test("is a scope in the slice where systemd owns the tree", () => {
    const unit = `wherry-${id}.scope`;
    expect(group("batch-night.slice", { systemd: true })).toEqual({
      path: `/batch.slice/batch-night.slice/${unit}`,
      scope: { unit, slice: "batch-night.slice" },
    });
    for (const wrong of ["/batch", "batch", "a/b.slice"])
      expect(() => group(wrong, { systemd: true })).toThrow('should be a valid slice named as "xxx.slice"');
  });
});
