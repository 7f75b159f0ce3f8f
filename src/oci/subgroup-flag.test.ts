import { expect, test } from "bun:test";
import { parseSubgroups } from "./subgroup-flag.ts";

const groups = (...given: readonly string[]) => Object.fromEntries(parseSubgroups(given));

test("parseSubgroups() takes one group for all, or one for each controller", () => {
  expect(groups()).toEqual({});
  expect(groups("a/./b/")).toEqual({ "": "a/b" });
  expect(groups("cpu,cpuacct:a", "memory:b")).toEqual({ cpu: "a", cpuacct: "a", memory: "b" });
});

test("parseSubgroups() refuses in runc's words what leads elsewhere or can't be told apart", () => {
  expect(() => groups("a:b:c")).toThrow("invalid --cgroup argument: a:b:c");
  expect(() => groups("a", "cpu:b")).toThrow("invalid --cgroup argument: a (missing <controller>: prefix)");
  expect(() => groups("cpu,:b")).toThrow("invalid --cgroup argument: cpu,:b");
  expect(() => groups("cpu:../b")).toThrow("../b is not a sub cgroup path");
});
