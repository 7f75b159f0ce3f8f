import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { launchPlan } from "../../src/kernel/launcher-client.ts";
import { compilePlan } from "../../src/plan/compile.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import type { RootFilesystem } from "../../src/plan/plan-input.ts";
import { repository } from "../support/host-features.ts";
import { PlanHost } from "../support/plan-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

const launcher = `${repository}/launcher/build/launcher`;
let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("launch-plan");
});

afterAll(async () => {
  await host.close();
});

const facts = "id -u; hostname; cat /proc/self/cgroup | tr -d '0-9' | tr -s '\\n'; grep -c lo: /proc/net/dev";

describe("a compiled plan", () => {
  for (const name of [
    "default",
    "userns",
    "read-only",
    "privileged",
    "binds",
    "bundle",
    "legacy-overlay",
    "legacy-overlay-userns",
    "tty",
  ]) {
    test(`runs on this kernel: ${name}`, async () => {
      const output = await host.run(name, { script: `${facts}; ls /dev | tr '\\n' ' '` });
      expect(output).toMatch(/^0\nwherry\n/);
      for (const device of ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "shm", "mqueue", "pts"])
        expect(output).toContain(`${device} `);
      expect(output).toEndWith("status 0\n");
    });
  }

  test("masks and protects what containers must not see or write", async () => {
    const output = await host.run("default", {
      script:
        "cat /proc/keys /proc/timer_list; ls /sys/firmware; echo x > /proc/sys/kernel/hostname; echo x > /sys/kernel/profiling; echo done",
    });
    expect(output.split("\n").toSorted().join("\n").trim()).toBe(
      "done\nsh: can't create /proc/sys/kernel/hostname: Read-only file system\nsh: can't create /sys/kernel/profiling: Read-only file system\nstatus 0",
    );
  });

  test("runs as the user asked for, in a working directory made for it, with limits and no capability", async () => {
    const output = await host.run("user", {
      script:
        "id -u; id -G; readlink /proc/self/cwd; grep -E 'CapEff|NoNew' /proc/self/status | tr -d '\\t'; cat /proc/self/oom_score_adj; ulimit -n",
    });
    expect(output).toBe("1000\n1000 10 20\n/home/user/new\nCapEff:0000000000000000\nNoNewPrivs:1\n500\n512\nstatus 0\n");
  });

  test("keeps inherited capabilities for a user by the ambient set", async () => {
    expect(await host.run("user-with-capabilities", { script: "grep -E 'CapEff|CapAmb' /proc/self/status | tr -d '\\t'" })).toBe(
      "CapEff:0000000000002000\nCapAmb:0000000000002000\nstatus 0\n",
    );
  });

  test("binds files and directories, read-only where asked", async () => {
    const output = await host.run("binds", {
      script:
        "cat /data/file /data/config; touch /data/new && echo wrote; touch /mnt/shared/new 2> /dev/null || echo refused; grep -c ' /mnt/shared ' /proc/self/mountinfo",
    });
    expect(output).toContain("from the host\n127.0.0.1 localhost\nwrote\n");
    expect(output).toContain("refused\n1\nstatus 0\n");
  });

  test("gives the program no descriptor but 0, 1 and 2", async () => {
    expect(await host.run("default", { script: "ls /proc/$$/fd; true" })).toMatch(/^0\n1\n2\n(10\n)?status 0\n$/);
  });

  test("maps the container's root to the host's range, and image files to the container's root", async () => {
    expect(
      await host.run("userns", {
        script:
          "cat /proc/self/uid_map | tr -s ' '; stat -c %u:%g /bin/busybox /dev/null /dev /dev/mqueue; touch /new && stat -c %u /new; echo x > /dev/null && echo ok",
      }),
    ).toBe(` 0 ${host.idBase} 65536\n0:0\n0:0\n0:0\n0:0\n0\nok\nstatus 0\n`);
  });

  test("a terminal is the process's controlling terminal and /dev/console, and PID 1 is the reaper", async () => {
    expect(await host.run("tty", { script: "tty; stat -c %t:%T /dev/console; echo $$" })).toBe("/dev/pts/0\n88:0\n2\nstatus 0\n");
  });

  for (const name of ["default", "userns", "legacy-overlay", "legacy-overlay-userns"]) {
    test(`stacks 120 layers: ${name}`, async () => {
      const input = host.inputOf(name, { script: "cat /top; ls /layers | wc -l" });
      expect(await host.runInput({ ...input, rootfs: withLayers(input.rootfs, 120) })).toBe("119\n119\nstatus 0\n");
    });
  }

  test("shares the host's namespaces where none are listed", async () => {
    const output = await host.run("host-namespaces", {
      script: "for n in pid net uts ipc time cgroup; do readlink /proc/self/ns/$n; done; readlink /proc/self/ns/mnt",
    });
    const [mount, ...shared] = output.trim().split("\n").slice(0, 7).toReversed();
    expect(shared.toReversed()).toEqual(["pid", "net", "uts", "ipc", "time", "cgroup"].map((name) => readNamespace("self", name)));
    expect(mount).not.toBe(readNamespace("self", "mnt"));
  });

  test("enters a running container with exec, in all its namespaces and cgroups", async () => {
    for (const [container, exec] of [
      ["default", "exec"],
      ["userns", "exec-userns"],
      ["default", "exec-tty"],
    ] as const) {
      const target = await host.start(container, { script: "sleep 1000", id: "target" });
      const names = ["mnt", "pid", "net", "uts", "ipc", "time", "cgroup", "user"];
      const theirs = names.map((name) => readNamespace(`${target.pid}`, name));
      const groups = readFileSync(`/proc/${target.pid}/cgroup`, "utf8");
      const output = await host.run(exec, {
        script: `for n in ${names.join(" ")}; do readlink /proc/self/ns/$n; done; hostname`,
        target,
        id: "target",
      });
      expect(output).toBe(`${theirs.join("\n")}\nwherry\nstatus 0\n`);
      expect(groups).toContain(`/${host.group}/target`);
      await host.kill(target);
    }
  });

  test("joins the namespaces of another container and its /dev/shm", async () => {
    const target = await host.start("default", { script: "echo shared > /dev/shm/note; sleep 1000" });
    await poll("the note", () => existsSync(`/proc/${target.pid}/root/dev/shm/note`));
    const output = await host.run("join", { script: "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; cat /dev/shm/note", target });
    expect(output).toBe(`${readNamespace(`${target.pid}`, "net")}\n${readNamespace(`${target.pid}`, "pid")}\nshared\nstatus 0\n`);
    await host.kill(target);
  });

  test("leaves the monitor in the monitors' cgroups, and in the host's namespaces", async () => {
    const target = await host.start("default", { script: "sleep 1000" });
    for (const line of readFileSync(`/proc/${target.monitorPid}/cgroup`, "utf8").trim().split("\n")) {
      // A hierarchy without controllers (v2 beside v1, or a named one) is not moved in.
      const [, controllers = ""] = line.split(":");
      if (controllers !== "" && !controllers.startsWith("name=")) expect(line).toEndWith(`/${host.group}/monitors`);
    }
    for (const name of ["mnt", "pid", "net", "time"]) expect(readNamespace(`${target.monitorPid}`, name)).toBe(readNamespace("self", name));
    expect(readFileSync(`/proc/${target.pid}/cgroup`, "utf8")).toContain(`/${host.group}/default`);
    await host.kill(target);
  });

  test("fails at the step that failed, and undoes what was made", async () => {
    const input = host.inputOf("default", { script: "true" });
    const config = {
      ...input.config,
      mounts: [
        ...(input.config.mounts ?? []),
        { destination: "/x", type: "bind", source: `${host.directory}/missing`, options: ["rbind"] },
      ],
    };
    const plan = compilePlan({ ...input, config });
    const failure = await launchPlan({ launcher, plan: encodePlan(plan) }).catch((error: unknown) => error);
    const { operation } = (failure as { details: { operation: number } }).details;
    expect(plan.operations[operation]).toMatchObject({ name: "TREE", doing: `bind \`${host.directory}/missing\` on \`/x\`` });
  });
});

/** As many layers as asked for above the one that there is: each has a file of its own and one that the next replaces. */
function withLayers(rootfs: RootFilesystem, count: number): RootFilesystem {
  if (rootfs.kind !== "overlay") throw new Error("the sample has no layers");
  const lowers = [...rootfs.lowers];
  for (let layer = 1; layer < count; layer++) {
    const directory = `${rootfs.upper}-below-${layer}`;
    mkdirSync(`${directory}/layers`, { recursive: true });
    writeFileSync(`${directory}/layers/${layer}`, "");
    writeFileSync(`${directory}/top`, `${layer}\n`);
    lowers.unshift(directory as HostPath);
  }
  rmSync(rootfs.links, { recursive: true });
  mkdirSync(rootfs.links);
  for (const [index, lower] of lowers.entries()) symlinkSync(lower, `${rootfs.links}/${index}`);
  return { ...rootfs, lowers };
}

function readNamespace(pid: string, name: string): string {
  return readlinkSync(`/proc/${pid}/ns/${name}`);
}
