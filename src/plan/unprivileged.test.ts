import { describe, expect, test } from "bun:test";
import { EngineError } from "../core/engine-error.ts";
import { compilePlan } from "./compile.ts";
import { CLONE } from "./kernel-flags.ts";
import type { OciConfig } from "./oci-config.ts";
import type { PlanInput, UnprivilegedStart } from "./plan-input.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "./testdata/plan-inputs.ts";

const samples = samplePlanInputs({
  lowers: [],
  directory: "/bundle",
  bundle: "/bundle/rootfs",
  cgroups: null,
  features: SAMPLE_FEATURES,
  target: { pid: 4242, startTime: 1000n },
  command: ["sh"],
  idBase: 100_000,
});

const ids = [{ containerID: 0, hostID: 1000, size: 1 }];
const single: UnprivilegedStart = { enter: { kind: "new", uid: ids, gid: ids }, setgroups: false, unifiedCgroups: false };

function input(name: "bundle" | "exec" | "join", unprivileged: UnprivilegedStart, process: Partial<OciConfig["process"]> = {}): PlanInput {
  const sample = samples[name];
  if (sample?.config.process === undefined) throw new Error(name);
  const { config } = sample;
  const namespaces = [...(config.linux?.namespaces ?? []), { type: "user" as const }];
  const linux = { ...config.linux, namespaces, uidMappings: ids, gidMappings: ids };
  const rootfs = samples["bundle"]?.rootfs ?? sample.rootfs;
  return { ...sample, rootfs, config: { ...config, linux, process: { ...sample.config.process, user: {}, ...process } }, unprivileged };
}

function operations(from: PlanInput) {
  return compilePlan(from).operations.map(({ section, name, args }) => ({ section, name, args }));
}

const textOf = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);

describe("a plan for a launcher that is not root", () => {
  test("begins in a user namespace that the launcher makes and maps, and can't be looked into afterwards", () => {
    const all = operations(input("bundle", single, { oomScoreAdj: 5 }));
    expect(all.slice(0, 7).map(({ name }) => name)).toEqual(["DUMPABLE", "WRITE", "UNSHARE", "WRITE", "WRITE", "WRITE", "DUMPABLE"]);
    expect(all.slice(3, 6).map(({ args }) => [args[1], textOf(args[2])])).toEqual([
      ["/proc/self/setgroups", "deny"],
      ["/proc/self/uid_map", "0 1000 1\n"],
      ["/proc/self/gid_map", "0 1000 1\n"],
    ]);
    expect(all[6]?.args).toEqual([0]);
    expect(all.filter(({ name }) => name === "IDMAP" || name === "IDS")).toEqual([]);
  });

  test("makes no device nodes, and never returns to a namespace of the host's", () => {
    // Of mounts it has its own.
    for (const name of ["bundle", "exec", "join"] as const) {
      const all = operations(input(name, single));
      expect(all.filter(({ name: operation, args }) => operation === "MKNOD" && args[1] !== "/bundle/start")).toEqual([]);
      expect(
        all.filter(({ section, name: operation, args }) => section === "parent" && operation === "SETNS" && args[1] !== CLONE.CLONE_NEWNS),
      ).toEqual([]);
    }
    expect(operations(input("bundle", single)).filter(({ name, args }) => name === "TREE" && args[1] === "/dev/null")).toHaveLength(1);
  });

  test("enters the namespace of a process, where it has all groups", () => {
    const enter = { kind: "process", pid: 7, startTime: 8n } as const;
    const given: UnprivilegedStart = { enter, setgroups: true, unifiedCgroups: true };
    const user = { uid: 5, gid: 6, additionalGids: [7] };
    const all = operations(input("bundle", given, { user }));
    expect(all.slice(0, 3).map(({ name }) => name)).toEqual(["PIDFD", "SETNS", "UNSHARE"]);
    expect(all.find(({ name }) => name === "IDS")?.args.slice(0, 2)).toEqual([5, 6]);
  });

  test("refuses users and groups that are not mapped", () => {
    for (const user of [{ uid: 5 }, { gid: 5 }, { additionalGids: [5] }])
      expect(() => compilePlan(input("bundle", single, { user }))).toThrow(EngineError);
  });
});
