import { expect, test } from "bun:test";
import { systemdUnit, unitSlicePath } from "./systemd-cgroup.ts";

const unitOf = (cgroupsPath?: string) =>
  systemdUnit({ ociVersion: "1.0.2", linux: cgroupsPath === undefined ? {} : { cgroupsPath } }, "id1");

test("systemdUnit() is what slice:prefix:name says", () => {
  expect(unitOf("system.slice:docker:abc")).toEqual({
    slice: "system.slice",
    unit: "docker-abc.scope",
    path: "/system.slice/docker-abc.scope",
  });
  expect(unitOf(":libpod:abc").path).toBe("/system.slice/libpod-abc.scope");
  expect(unitOf("kubepods-burstable-pod1.slice:cri-containerd:abc").path).toBe(
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-abc.scope",
  );
  expect(unitOf().path).toBe("/system.slice/wherry-oci-id1.scope");
  expect(() => unitOf("/docker/abc")).toThrow("`slice:prefix:name` is meant");
  expect(() => unitOf("a/b.slice:x:y")).toThrow("no name of a slice");
  expect(() => unitOf("a.slice:x:y/z")).toThrow("no name of a unit");
});

test("unitSlicePath() refuses what is no slice", () => {
  expect(unitSlicePath("a-b.slice")).toBe("/a.slice/a-b.slice");
  expect(() => unitSlicePath("a")).toThrow("no name of a slice");
});
