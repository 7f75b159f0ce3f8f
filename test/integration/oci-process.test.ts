import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { OciProcess } from "../../src/plan/oci-config.ts";
import type { CgroupPlacement } from "../../src/plan/plan-input.ts";
import { type OciChange, ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-process");
});

afterAll(async () => {
  await host.close();
});

const run = (script: string, change: OciChange): Promise<string> => host.runInput(ociInput(host, script, change));

/** v1's cpu controller gives no time to real-time processes unless it is told to, from the top downwards. */
function withRealTime(placement: CgroupPlacement): CgroupPlacement {
  const file = `${dirname(placement.directory)}/cpu.rt_runtime_us`;
  if (!existsSync(file)) return placement;
  writeFileSync(file, "20000");
  return { ...placement, writes: [{ file: "cpu.rt_runtime_us", value: "10000" }] };
}

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

  test("runs in real time where its cgroup may", async () => {
    const process = { scheduler: { policy: "SCHED_FIFO", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"] } } as const;
    const input = ociInput(host, "cut -d ' ' -f 40,41 /proc/$$/stat; cut -d ' ' -f 40,41 /proc/self/stat; true", { process });
    const cgroups = { ...input.cgroups, placements: (input.cgroups?.placements ?? []).map(withRealTime) };
    // Priority and policy (SCHED_FIFO is 1) of the shell, and of its child, which starts anew.
    expect(await host.runInput({ ...input, cgroups })).toBe("7 1\n0 0\nstatus 0\n");
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

  test("sees the machine as its personality says", async () => {
    expect(await run("busybox uname -m", { linux: { personality: { domain: "LINUX32" } } })).toBe("i686\nstatus 0\n");
    expect(await run("busybox uname -m", { linux: { personality: { domain: "LINUX" } } })).toBe("x86_64\nstatus 0\n");
    await expect(run("true", { linux: { personality: { domain: "LINUX", flags: ["X"] } } })).rejects.toThrow("`linux.personality.flags`");
  });

  test("has the mask, the groups, the OOM score and the limits of the configuration", async () => {
    const output = await run("umask; id -G; cat /proc/self/oom_score_adj; ulimit -n; ulimit -H -n; ulimit -c", {
      process: {
        user: { uid: 5, gid: 6, umask: 0o077, additionalGids: [7, 8] },
        oomScoreAdj: 321,
        rlimits: [
          { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
          { type: "RLIMIT_CORE", soft: 2 ** 64 - 1, hard: 2 ** 64 - 1 },
        ],
      },
    });
    expect(output).toBe("0077\n6 7 8\n321\n100\n200\nunlimited\nstatus 0\n");
  });

  test("has clocks of its own", async () => {
    const timeOffsets = { monotonic: { secs: 86_400, nanosecs: 5 }, boottime: { secs: 172_800 } };
    const output = await run("cat /proc/self/timens_offsets; cut -d . -f 1 /proc/uptime", { linux: { timeOffsets } });
    const [monotonic, boottime, uptime] = output.split("\n");
    expect(monotonic).toMatch(/^monotonic +86400 +5$/);
    expect(boottime).toMatch(/^boottime +172800 +0$/);
    expect(Number(uptime) - Number(readFileSync("/proc/uptime", "utf8").split(".")[0])).toBeWithin(172_790, 172_810);
  });
});
