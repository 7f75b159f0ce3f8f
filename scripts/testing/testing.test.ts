import { describe, expect, test } from "bun:test";
import { refusal } from "../host-requirements.mjs";
import { countJunit } from "./bun-tests.mjs";
import { compareSkips } from "./expected-skips.mjs";

describe("compareSkips()", () => {
  const declared = [{ word: "cgroup-v2", on: ["hybrid"], reason: "v1 host" }];
  const compare = (missing: readonly string[], host = "hybrid") =>
    compareSkips({ declared, host, reports: [{ file: "a.test.ts", missing }], skips: new Map([["a.test.ts", 3]]) });

  test("accepts a declared lack", () => {
    expect(compare(["cgroup-v2"])).toEqual([]);
  });
  test("names a lack that nobody declared, also beside a declared one", () => {
    expect(compare(["cgroup-v2", "strace"])).toEqual([expect.stringContaining("this host (hybrid) lacks strace")]);
    expect(compare(["cgroup-v2"], "v2")).toHaveLength(1);
  });
  test("refuses a skip without requires()", () => {
    expect(compareSkips({ declared, host: "hybrid", reports: [], skips: new Map([["b.test.ts", 1]]) })).toEqual([
      "b.test.ts skips 1 of its tests without requires()",
    ]);
  });
});

test("countJunit() reads bun's totals", () => {
  const xml = '<?xml version="1.0"?>\n<testsuites name="bun test" tests="7" assertions="9" failures="2" skipped="1" time="0.1">';
  expect(countJunit(xml)).toEqual({ passed: 4, failed: 2, skipped: 1 });
});

describe("refusal()", () => {
  const good = { platform: "linux", arch: "x64", kernel: "6.1.0-18-amd64", node: 20, programs: new Set(["cc", "make"]), uid: 0 };
  test.each([
    [{}, undefined],
    [{ arch: "arm64" }, undefined],
    [{ platform: "darwin" }, "Wherry needs Linux; this is darwin."],
    [{ arch: "riscv64" }, "Wherry needs an x86_64 or aarch64 processor; this one is riscv64."],
    [{ kernel: "5.10.0-28" }, "Wherry needs Linux 5.15 or later; this kernel is 5.10.0-28."],
    [{ kernel: "5.15.0" }, undefined],
    [{ node: 18 }, "Building Wherry needs Node 20 or later; this is Node 18."],
    [{ programs: new Set(["make"]) }, "Building the launcher needs cc: apt-get install gcc make libc6-dev"],
    [{ uid: 1000 }, "Containers need root for now: run this command with sudo."],
  ])("of %p is %p", (change, sentence) => {
    expect(refusal({ root: true }, { ...good, ...change })).toBe(sentence);
  });
  test("lets a user without root build", () => {
    expect(refusal({ root: false }, { ...good, uid: 1000 })).toBeUndefined();
  });
});
