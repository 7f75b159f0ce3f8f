import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { launchPlan } from "../../src/kernel/launcher-client.ts";
import { compilePlan } from "../../src/plan/compile.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import type { ExplainedPlan } from "../../src/plan/explained-plan.ts";
import { explainPlan } from "../../src/plan/explain.ts";
import { repository } from "../support/host-features.ts";
import { ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";
import { comparePlan } from "../support/strace/compare-plan.ts";
import { isTraceComplete, readTrace, straceArguments, type TracedProcess } from "../support/strace/trace-process.ts";
import { poll } from "../support/poll.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires(
  "root",
  "strace",
  "binary",
  "payload",
  "overlayfs",
  "seccomp",
  "time-namespaces",
  "user-namespaces",
  "mqueue",
  "lowerdir-plus",
);

interface Observed {
  readonly plan: ExplainedPlan;
  readonly trace: ReadonlyMap<number, TracedProcess>;
}

const host = useWherryHost("strace", { payload: true });
let runs = 0;

/** `wherry run --explain` under strace: the plan as it was told, and what launcher and child did. */
async function observeRun(flags: readonly string[]): Promise<Observed> {
  const directory = `${host.directory}/trace-${runs++}`;
  mkdirSync(directory);
  const run = ["run", "--rm", "--explain", "--json", ...flags, "payload", "exit", "0"];
  // By environment: flags before the verb would hide it from the front, which starts the launcher as a rule.
  const env = { WHERRY_ROOT: host.root, WHERRY_RUN_ROOT: host.runRoot };
  const traced = new RunningProgram("strace", [...straceArguments(directory), wherryProgram, ...run], { env });
  const { code, stderr } = await traced.done;
  expect(code).toBe(0);
  return { plan: JSON.parse(stderr), trace: readTrace(directory) };
}

/** A step that did something is missed when it is left out; one that the plan does not hold, too. */
function expectEachStepCounts({ plan, trace }: Observed): void {
  const { idle } = comparePlan(plan, trace);
  const active = plan.steps.filter(({ number }) => !idle.has(number));
  expect(active.length).toBeGreaterThan(plan.steps.length / 2);
  for (const left of active) {
    const { findings } = comparePlan({ steps: plan.steps.filter((step) => step !== left) }, trace);
    expect(findings.length, `without step ${left.number}, ${left.call}`).toBeGreaterThan(0);
  }
  // A directory that is made twice is made once.
  for (const twice of active.filter(({ section, man }) => section !== "tail" && !/^(mkdir|openat)\(/.test(man))) {
    const { findings } = comparePlan({ steps: plan.steps.flatMap((step) => (step === twice ? [step, step] : [step])) }, trace);
    expect(findings.length, `step ${twice.number} twice, ${twice.call}`).toBeGreaterThan(0);
  }
}

const variants: Readonly<Record<string, readonly string[]>> = {
  "the defaults": [],
  "a terminal and a reaper": ["-t", "--init"],
  "a user namespace": ["--userns", "auto"],
  "a read-only root with mounts": [
    "--read-only",
    "-v",
    "/usr/share:/data:ro",
    "--mount",
    "type=bind,src=/usr,dst=/usr",
    "--tmpfs",
    "/scratch",
  ],
  "every privilege": ["--privileged"],
  "limits of control groups": ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "50", "--cpu-shares", "512", "--cpuset-cpus", "0"],
  "the host's namespaces": ["--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host"],
  "a user with limits, names and a sysctl": [
    "-u=user",
    "-w=/made/here",
    "--ulimit=nofile=64:128",
    "--hostname=name",
    "--domainname=domain",
    "--sysctl=net.ipv4.ip_forward=1",
    "--security-opt=no-new-privileges",
    "--oom-score-adj=500",
    "--cap-drop=ALL",
  ],
};

describe("strace sees the calls of the plan, and no other that changes anything, in a container with", () => {
  for (const [name, flags] of Object.entries(variants)) {
    test(name, async () => {
      const observed = await observeRun(flags);
      expect(comparePlan(observed.plan, observed.trace).findings).toEqual([]);
    });
  }
});

describe("the comparison notices each step that is missing or too much, in a container with", () => {
  for (const name of ["the defaults", "a terminal and a reaper"])
    test(name, async () => {
      expectEachStepCounts(await observeRun(variants[name] ?? []));
    }, 60_000);
});

describe("strace sees the calls of the plan of", () => {
  let plans: PlanHost;
  beforeAll(() => {
    plans = new PlanHost("strace-plans");
  });
  afterAll(() => plans.close());

  for (const [container, exec, change] of [
    ["default", "exec", {}],
    ["default", "exec-tty", {}],
    ["userns", "exec-userns", {}],
    [
      "default",
      "exec",
      {
        process: {
          scheduler: { policy: "SCHED_BATCH", nice: 3 },
          ioPriority: { class: "IOPRIO_CLASS_BE", priority: 2 },
          execCPUAffinity: { initial: "0", final: "0" },
        },
        linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } },
      },
    ],
  ] as const) {
    test(`${exec}${Object.keys(change).length === 0 ? "" : ", scheduled"}`, async () => {
      const target = await plans.start(container, { script: "sleep 1000", id: "target" });
      const plan = compilePlan(ociInput(plans, "exit 0", { sample: exec, launch: { target, id: "target" }, ...change }));
      const directory = `${plans.directory}/trace-${runs++}`;
      mkdirSync(directory);
      const launcher = `${directory}.sh`;
      writeFileSync(
        launcher,
        `#!/bin/sh\nexec strace ${straceArguments(directory).join(" ")} ${repository}/launcher/build/launcher "$@"\n`,
      );
      chmodSync(launcher, 0o755);
      const { connection } = await launchPlan({ launcher, plan: encodePlan(plan) });
      expect((await connection.ended)?.waitStatus).toBe(0);
      await connection.finish();
      await poll("the end of the trace", () => isTraceComplete(directory));
      await plans.kill(target);
      const observed = { plan: explainPlan(plan), trace: readTrace(directory) };
      expect(comparePlan(observed.plan, observed.trace).findings).toEqual([]);
      expectEachStepCounts(observed);
    });
  }
});
