import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { readOwnCapabilities } from "./host-features.ts";
import { isKernelAtLeast, requireKernelFloor } from "./kernel-release.ts";
import { mapsIds } from "./host-features.ts";

describe("isKernelAtLeast()", () => {
  test("compares numbers, whatever a distribution appends", () => {
    expect(isKernelAtLeast("6.5", "6.13.0-rc1")).toBe(true);
    expect(isKernelAtLeast("6.13", "6.5.0-9-generic")).toBe(false);
    expect(isKernelAtLeast("5.15", "6.1.0-18-amd64")).toBe(true);
    expect(isKernelAtLeast("5.15", "5.15")).toBe(true);
    expect(isKernelAtLeast("5.15", "5.4.0")).toBe(false);
  });
});

describe("requireKernelFloor()", () => {
  test("refuses an old kernel in one sentence", () => {
    expect(() => requireKernelFloor("5.10.0-30-amd64")).toThrow("this kernel is Linux 5.10.0-30-amd64, Wherry needs 5.15 or later");
    expect(() => requireKernelFloor("5.15.0")).not.toThrow();
  });
});

describe("readOwnCapabilities()", () => {
  test("counts what is both permitted and in the bounding set", () => {
    expect(readOwnCapabilities("CapPrm:\t00000000000000ff\nCapEff:\t0\nCapBnd:\t000001fffffffff0\n")).toBe(0xf0n);
  });
});

describe("mapsIds()", () => {
  test("asks the nearest directory that exists, and no pseudo file system", () => {
    expect(mapsIds("/proc/nothing/here" as HostPath)).toBe(false);
  });
});
