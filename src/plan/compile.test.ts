import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { compilePlan } from "./compile.ts";
import { encodePlan } from "./encode.ts";
import { explainPlan } from "./explain.ts";
import type { LaunchPlan, OperationName } from "./operations.ts";
import type { CgroupPlan, PlanInput } from "./plan-input.ts";
import { renderPlan } from "./render-plan.ts";
import { SAMPLE_FEATURES, type SampleHost, samplePlanInputs } from "./testdata/plan-inputs.ts";

/** Golden files are written anew with WHERRY_UPDATE_GOLDEN=1; read the difference before committing it. */
const update = process.env["WHERRY_UPDATE_GOLDEN"] === "1";

const path = (text: string): HostPath => text as HostPath;

const v1: CgroupPlan = {
  placements: [
    {
      directory: path("/sys/fs/cgroup/memory/wherry/ID"),
      version: 1,
      writes: [{ file: "memory.limit_in_bytes", value: "268435456" }],
      monitorDirectory: path("/sys/fs/cgroup/memory/wherry/monitors"),
    },
    {
      directory: path("/sys/fs/cgroup/pids/wherry/ID"),
      version: 1,
      writes: [{ file: "pids.max", value: "1", ignore: ["EPERM", "EINVAL"] }],
      monitorDirectory: path("/sys/fs/cgroup/pids/wherry/monitors"),
    },
    {
      directory: path("/sys/fs/cgroup/unified/wherry/ID"),
      version: 2,
      writes: [],
      monitorDirectory: path("/sys/fs/cgroup/unified/wherry/monitors"),
    },
  ],
};

const v2: CgroupPlan = {
  placements: [
    {
      directory: path("/sys/fs/cgroup/wherry/ID"),
      version: 2,
      writes: [
        { file: "memory.max", value: "268435456" },
        { file: "pids.max", value: "100", ignore: ["EPERM", "ENOENT", "EACCES", "EINVAL"] },
      ],
      monitorDirectory: path("/sys/fs/cgroup/wherry/monitors"),
    },
  ],
  deviceProgram: new Uint8Array(16),
};

const host: SampleHost = {
  lowers: [path("/var/lib/wherry/layers/top"), path("/var/lib/wherry/layers/base")],
  directory: "/var/lib/wherry/containers/ID",
  bundle: "/bundle/rootfs",
  cgroups: v1,
  features: SAMPLE_FEATURES,
  target: { pid: 4242, startTime: 1000n },
  command: ["sh", "-c", "true"],
  idBase: 100_000,
};

const onV1 = samplePlanInputs(host);
const onV2 = samplePlanInputs({ ...host, cgroups: v2 });
const inputs: Readonly<Record<string, PlanInput>> = {
  ...onV1,
  ...Object.fromEntries(
    Object.entries(onV2).flatMap(([name, input]) => (["default", "exec", "host-namespaces"].includes(name) ? [[`${name}-v2`, input]] : [])),
  ),
};

function inputOf(name: string): PlanInput {
  const input = inputs[name];
  if (input === undefined) throw new Error(`no sample input ${name}`);
  return input;
}

for (const name of Object.keys(inputs)) {
  test(`compilePlan() makes the plan of testdata/${name}.txt`, () => {
    const file = join(import.meta.dirname, "testdata", `${name}.txt`);
    const text = renderPlan(explainPlan(compilePlan(inputOf(name))));
    if (update) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, "utf8"));
  });

  test(`compilePlan() is pure: two plans of ${name} are equal`, () => {
    expect(encodePlan(compilePlan(inputOf(name)))).toEqual(encodePlan(compilePlan(inputOf(name))));
  });
}

function positions(plan: LaunchPlan, name: OperationName, section: string): number[] {
  return plan.operations.flatMap((operation, index) => (operation.name === name && operation.section === section ? [index] : []));
}

test("compilePlan() writes to no cgroup.procs, which would wait for a grace period of RCU", () => {
  for (const name of ["default", "exec", "default-v2", "exec-v2"]) {
    for (const operation of compilePlan(inputOf(name)).operations) {
      expect(operation.name).not.toBe("WRITEPID");
      if (operation.name === "WRITE") expect(operation.args[1]).not.toContain("cgroup.procs");
    }
  }
});

test("compilePlan() writes v1's pids.max only after the launcher has left: a limit of 1 must not forbid the clone", () => {
  const plan = compilePlan(inputOf("default"));
  const limit = plan.operations.findIndex((operation) => operation.name === "WRITE" && operation.args[1].endsWith("/pids.max"));
  const left = plan.operations.findIndex(
    (operation) => operation.name === "WRITE" && operation.args[1] === "/sys/fs/cgroup/pids/wherry/monitors/tasks",
  );
  expect(left).toBeGreaterThan(positions(plan, "CLONE", "host")[0] ?? Infinity);
  expect(limit).toBeGreaterThan(left);
});

test("compilePlan() loads seccomp before the capabilities go, and after no_new_privs where that is on", () => {
  const plain = compilePlan(inputOf("default"));
  expect(positions(plain, "SECCOMP", "child")[0]).toBeLessThan(positions(plain, "CAPSET", "child")[0] ?? 0);
  const strict = compilePlan(inputOf("user"));
  expect(positions(strict, "SECCOMP", "child")[0]).toBe(strict.operations.findIndex(({ name }) => name === "EXEC") - 1);
});

test("compilePlan() leaves PID 1 of --init no capability and no freedom that the container has not", () => {
  for (const noNewPrivileges of [false, true]) {
    const input = inputOf("tty");
    const { process } = input.config;
    if (process === undefined) throw new Error("the sample changed");
    const config = { ...input.config, process: { ...process, noNewPrivileges, apparmorProfile: "wherry-default" } };
    const plan = compilePlan({ ...input, config, features: { ...input.features, apparmor: true } });
    const [reaper = 0] = positions(plan, "REAPER", "child");
    expect(plan.operations[reaper + 1]?.name).toBe("EXEC");
    for (const name of ["BOUNDING", "IDS", "CAPSET", "SECCOMP"] as const) expect(positions(plan, name, "child")[0]).toBeLessThan(reaper);
    const label = plan.operations.findIndex((operation) => operation.name === "WRITE" && operation.args[1] === "attr/apparmor/current");
    expect(label).toBeGreaterThan(positions(plan, "CAPSET", "child")[0] ?? Infinity);
    expect(label).toBeLessThan(reaper);
  }
});

test("compilePlan() sets a label that need not wait for the exec at once, when no capability is left to steal", () => {
  for (const name of ["default", "exec"]) {
    const input = inputOf(name);
    const { process } = input.config;
    if (process === undefined) throw new Error("the sample changed");
    const config = { ...input.config, process: { ...process, apparmorProfile: "wherry-default" } };
    const labelled = { ...input, config, features: { ...input.features, apparmor: true } };
    const label = (file: string, plan: ReturnType<typeof compilePlan>) =>
      plan.operations.findIndex((operation) => operation.name === "WRITE" && operation.args[1] === `attr/apparmor/${file}`);
    const atOnce = compilePlan({ ...labelled, labelAtOnce: true });
    expect(label("current", atOnce)).toBeGreaterThan(positions(atOnce, "CAPSET", "child")[0] ?? Infinity);
    expect(label("exec", atOnce)).toBe(-1);
    const later = compilePlan(labelled);
    expect(label("exec", later)).toBeLessThan(positions(later, "CAPSET", "child")[0] ?? -1);
    expect(label("current", later)).toBe(-1);
  }
});

test("compilePlan() gives a process of exec no reaper, even in a container with --init", () => {
  const plan = compilePlan({ ...inputOf("exec"), reaper: true });
  expect(positions(plan, "REAPER", "child")).toEqual([]);
});

test("compilePlan() makes what the launcher can't do an error instead of leaving it out", () => {
  const input = inputOf("default");
  const config = { ...input.config, hooks: { createRuntime: [{ path: "/bin/true" }] } };
  expect(() => compilePlan({ ...input, config })).toThrow(EngineError);
  expect(() => compilePlan({ ...input, config })).toThrow("`hooks` is not supported");
});

test("compilePlan() takes an overlay of 200 layers through mount(2) where lowerdir+ is missing", () => {
  const input = inputOf("legacy-overlay");
  if (input.rootfs.kind !== "overlay") throw new Error("the sample changed");
  const lowers = Array.from({ length: 200 }, (_, index) => path(`/layers/${index}`));
  const plan = compilePlan({ ...input, rootfs: { ...input.rootfs, lowers } });
  expect(positions(plan, "MOUNT", "parent").length).toBe(1);
  expect(positions(plan, "SETNS", "parent").length).toBe(2);
});
