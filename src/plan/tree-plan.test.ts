import { expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { explainPlan } from "./explain.ts";
import { compileTreePlan, type StoppedTree } from "./tree-plan.ts";
import { SAMPLE_FEATURES } from "./testdata/plan-inputs.ts";

const calls = (target: Parameters<typeof compileTreePlan>[0]["target"]) =>
  explainPlan(compileTreePlan({ descriptor: 5, target })).steps.flatMap(({ calls: found }) => found);

test("compileTreePlan() opens a running container's root in its mount namespace, by a process that can't be another one", () => {
  const running = { kind: "running", process: { pid: 41, startTime: 7n } } as const;
  const [pidfd, own, join, open, back, ...serve] = calls({ ...running, alone: false });
  expect([pidfd, own, join, back]).toEqual([
    expect.stringMatching(/^pidfd_open\(41/),
    expect.stringContaining('"/proc/self/ns/mnt"'),
    expect.stringMatching(/^setns\(fd:target, CLONE_NEWNS\)/),
    expect.stringMatching(/^setns\(fd:own-mnt, CLONE_NEWNS\)/),
  ]);
  expect(open).toBe('openat2(AT_FDCWD, "/", {flags=O_PATH|O_CLOEXEC}) = fd:root');
  expect(serve).toEqual(["dup3(fd:root, 5, O_CLOEXEC)", "serve(<client>)"]);
  // Not AT_RECURSIVE: what is mounted on it stays behind.
  expect(calls({ ...running, alone: true })).toContain('open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = fd:root');
});

const stopped: StoppedTree = {
  kind: "stopped",
  rootfs: {
    kind: "overlay",
    lowers: ["/l/1", "/l/0"] as HostPath[],
    upper: "/c/upper" as HostPath,
    work: "/c/work" as HostPath,
    links: "/c/links" as HostPath,
  },
  features: SAMPLE_FEATURES,
  mappings: [],
  pieces: null,
};

test("compileTreePlan() mounts a stopped one's layers in a namespace of its own, and starts nothing", () => {
  const plan = compileTreePlan({ descriptor: 5, target: stopped });
  expect(new Set(plan.operations.map(({ section }) => section))).toEqual(new Set(["host"]));
  expect(plan.operations.map(({ name }) => name)).toEqual(["UNSHARE", "ATTR", "FS", "SERVE"]);
});

test("compileTreePlan() maps ids and attaches binds for a container with a user namespace", () => {
  const mapped = compileTreePlan({
    descriptor: 5,
    target: {
      ...stopped,
      mappings: [{ containerID: 0, hostID: 1_000_000, size: 65_536 }],
      pieces: {
        mounts: [{ destination: "/v/a", type: "bind", source: "/host/a", options: ["rbind", "ro"] }],
        fileMounts: [],
      },
    },
  });
  const names = mapped.operations.map(({ name }) => name);
  expect(names.filter((name) => name === "USERNS")).toHaveLength(1);
  // The root is attached before anything is mounted on it.
  expect(names.indexOf("MOVE")).toBeLessThan(names.lastIndexOf("MOVE"));
  expect(names.indexOf("MKDIRP")).toBeGreaterThan(names.indexOf("MOVE"));
  expect(names.at(-1)).toBe("SERVE");
});
