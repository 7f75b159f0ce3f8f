import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import type { OciConfig, OciLinux, OciProcess } from "../../src/plan/oci-config.ts";
import { ociExtensions } from "../../src/plan/oci/oci-extensions.ts";
import type { PlanInput } from "../../src/plan/plan-input.ts";
import { PlanHost, type SampleLaunch } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-process");
});

afterAll(async () => {
  await host.close();
});

interface Change {
  readonly process?: Partial<OciProcess>;
  readonly linux?: Partial<OciLinux>;
  readonly sample?: string;
  readonly launch?: Omit<SampleLaunch, "script">;
}

function changed(script: string, { process, linux, sample = "default", launch = {} }: Change): PlanInput {
  const input = host.inputOf(sample, { script, ...launch });
  const own = input.config.process;
  if (own === undefined) throw new Error("the sample changed");
  const config: OciConfig = { ...input.config, process: { ...own, ...process }, linux: { ...input.config.linux, ...linux } };
  return { ...input, config, identity: { id: "oci", bundle: host.directory as HostPath }, extensions: ociExtensions };
}

const run = (script: string, change: Change): Promise<string> => host.runInput(changed(script, change));

describe("the process", () => {
  test("has the scheduler, nice value and disk priority asked for, without the capability to set them", async () => {
    const output = await run(
      "cut -d ' ' -f 19,41 /proc/$$/stat; busybox ionice -p $$; busybox ionice -c 1 -n 0 -p $$ 2> /dev/null || echo refused",
      {
        process: { scheduler: { policy: "SCHED_BATCH", nice: 7 }, ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 } },
      },
    );
    // Nice value and policy number, SCHED_BATCH is 3. @see proc_pid_stat(5)
    expect(output).toStartWith("7 3\nbest-effort: prio 6\n");
    expect(output).toEndWith("refused\nstatus 0\n");
  });

  test("is told when the kernel does not take a scheduler", async () => {
    await expect(
      run("true", { process: { scheduler: { policy: "SCHED_DEADLINE", runtime: 10, deadline: 5, period: 1 } } }),
    ).rejects.toThrow("set the scheduler to SCHED_DEADLINE: invalid argument");
  });

  test("takes its memory by the policy asked for", async () => {
    for (const [mode, word] of [
      ["MPOL_BIND", "bind:0"],
      ["MPOL_INTERLEAVE", "interleave:0"],
    ] as const) {
      const output = await run("head -n 1 /proc/self/numa_maps", { linux: { memoryPolicy: { mode, nodes: "0" } } });
      expect(output).toContain(` ${word} `);
    }
    expect(
      await run("head -n 1 /proc/self/numa_maps", {
        linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] } },
      }),
    ).toContain(" bind=static:0 ");
  });

  test("of an exec runs on the processors asked for, before and after it enters the container's cgroup", async () => {
    const target = await host.start("default", { script: "sleep 1000", id: "target" });
    const allowed = "grep Cpus_allowed_list /proc/self/status";
    const online = readFileSync("/sys/devices/system/cpu/online", "utf8").trim();
    const inside = async (affinity: OciProcess["execCPUAffinity"]): Promise<string> =>
      (
        await run(allowed, {
          sample: "exec",
          launch: { target, id: "target" },
          process: affinity === undefined ? {} : { execCPUAffinity: affinity },
        })
      ).split(/\s/)[1] ?? "";
    expect(await inside({ initial: "0", final: "0" })).toBe("0");
    expect(await inside({ initial: "0" })).toBe(online);
    expect(await inside({ final: "0" })).toBe("0");
    await host.kill(target);
  });
});
