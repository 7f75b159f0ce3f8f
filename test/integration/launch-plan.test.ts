import { afterAll, beforeAll, describe, expect } from "bun:test";
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { launchPlan, type LaunchedProcess } from "../../src/kernel/launcher-client.ts";
import { compilePlan } from "../../src/plan/compile.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import type { CgroupPlan, PlanInput } from "../../src/plan/plan-input.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "../../src/plan/testdata/plan-inputs.ts";
import { repository } from "../support/host-features.ts";
import { findLeaks } from "../support/leaks.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

const ID_BASE = 200_000;
const launcher = `${repository}/launcher/build/launcher`;
let base = "";
let rootfs = "";
let group = "";

beforeAll(() => {
  base = makeTestDirectory("launch-plan");
  group = `wherry-${base.slice(base.lastIndexOf("/") + 1)}`;
  rootfs = `${base}/rootfs`;
  for (const name of ["bin", "etc", "tmp", "root"]) mkdirSync(`${rootfs}/${name}`, { recursive: true });
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${rootfs}/bin/busybox`);
  for (const name of ["sh", "id", "cat", "ls", "grep", "hostname", "touch", "head", "tr", "mount", "sleep", "readlink", "stat", "tty"])
    symlinkSync("busybox", `${rootfs}/bin/${name}`);
  for (const hierarchy of detectCgroupLayout().hierarchies) {
    const directory = `${hierarchy.mountPoint}/${group}`;
    mkdirSync(directory);
    if (hierarchy.version === 1 && hierarchy.controllers.includes("cpuset")) {
      for (const file of ["cpuset.cpus", "cpuset.mems"])
        writeFileSync(`${directory}/${file}`, readFileSync(`${hierarchy.mountPoint}/${file}`));
      writeFileSync(`${directory}/cgroup.clone_children`, "1");
    }
    mkdirSync(`${directory}/monitors`);
  }
});

afterAll(async () => {
  if (base === "") return;
  const groups = detectCgroupLayout().hierarchies.map(({ mountPoint }) => `${mountPoint}/${group}`);
  await poll("the cgroups to be empty", () => {
    for (const directory of groups) removeGroup(directory);
    return groups.every((directory) => !existsSync(directory));
  });
  expect(findLeaks([base])).toEqual([]);
  rmSync(base, { recursive: true, force: true });
});

function removeGroup(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(`${directory}/${entry.name}`);
  try {
    rmdirSync(directory);
  } catch {
    // Still busy: asked again.
  }
}

function cgroups(id: string): CgroupPlan {
  return {
    placements: detectCgroupLayout().hierarchies.map(({ mountPoint, version }) => ({
      directory: `${mountPoint}/${group}/${id}` as HostPath,
      monitorDirectory: `${mountPoint}/${group}/monitors` as HostPath,
      version,
      writes: [],
    })),
  };
}

interface Launch {
  readonly script: string;
  readonly target?: LaunchedProcess;
  /** The container whose cgroups are entered. */
  readonly id?: string;
}

function inputOf(name: string, { script, target, id = name }: Launch): PlanInput {
  const directory = mkdtempSync(`${base}/c-`);
  for (const entry of ["upper", "work", "links", "run", "volume"]) mkdirSync(`${directory}/${entry}`);
  symlinkSync(rootfs, `${directory}/links/0`);
  writeFileSync(`${directory}/hosts`, "127.0.0.1 localhost\n");
  writeFileSync(`${directory}/volume/file`, "from the host\n");
  if (name.includes("userns")) chownSync(`${directory}/upper`, ID_BASE, ID_BASE);
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const inputs = samplePlanInputs({
    lowers: [rootfs],
    directory,
    bundle: rootfs,
    cgroups: cgroups(id),
    features: { ...SAMPLE_FEATURES, capabilities: BigInt(`0x${bounding}`), overlayLowerdirPlus: hasLowerdirPlus() },
    target: target === undefined ? { pid: 1, startTime: 0n } : { pid: target.pid, startTime: target.startTime },
    command: ["sh", "-c", script],
    idBase: ID_BASE,
  });
  const input = inputs[name];
  if (input === undefined) throw new Error(`no sample input ${name}`);
  return input;
}

function hasLowerdirPlus(): boolean {
  const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 13);
}

function start(name: string, launch: Launch): Promise<LaunchedProcess> {
  return launchPlan({ launcher, plan: encodePlan(compilePlan(inputOf(name, launch))) });
}

/** Runs a script in the container of that sample and gives what it printed, without carriage returns. */
async function run(name: string, launch: Launch): Promise<string> {
  const { connection } = await start(name, launch);
  let output = "";
  connection.onOutput((chunk) => {
    output += Buffer.from(chunk.bytes).toString("utf8");
  });
  const end = await connection.ended;
  await connection.finish();
  return `${output.replaceAll("\r", "")}status ${end?.waitStatus}\n`;
}

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
      const output = await run(name, { script: `${facts}; ls /dev | tr '\\n' ' '` });
      expect(output).toMatch(/^0\nwherry\n/);
      for (const device of ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "shm", "mqueue", "pts"])
        expect(output).toContain(`${device} `);
      expect(output).toEndWith("status 0\n");
    });
  }

  test("masks and protects what containers must not see or write", async () => {
    const output = await run("default", {
      script:
        "cat /proc/keys /proc/timer_list; ls /sys/firmware; echo x > /proc/sys/kernel/hostname; echo x > /sys/kernel/profiling; echo done",
    });
    expect(output.split("\n").toSorted().join("\n").trim()).toBe(
      "done\nsh: can't create /proc/sys/kernel/hostname: Read-only file system\nsh: can't create /sys/kernel/profiling: Read-only file system\nstatus 0",
    );
  });

  test("runs as the user asked for, in a working directory made for it, with limits and no capability", async () => {
    const output = await run("user", {
      script:
        "id -u; id -G; readlink /proc/self/cwd; grep -E 'CapEff|NoNew' /proc/self/status | tr -d '\\t'; cat /proc/self/oom_score_adj; ulimit -n",
    });
    expect(output).toBe("1000\n1000 10 20\n/home/user/new\nCapEff:0000000000000000\nNoNewPrivs:1\n500\n512\nstatus 0\n");
  });

  test("keeps inherited capabilities for a user by the ambient set", async () => {
    expect(await run("user-with-capabilities", { script: "grep -E 'CapEff|CapAmb' /proc/self/status | tr -d '\\t'" })).toBe(
      "CapEff:0000000000002000\nCapAmb:0000000000002000\nstatus 0\n",
    );
  });

  test("binds files and directories, read-only where asked", async () => {
    const output = await run("binds", {
      script:
        "cat /data/file /data/config; touch /data/new && echo wrote; touch /mnt/shared/new 2> /dev/null || echo refused; grep -c ' /mnt/shared ' /proc/self/mountinfo",
    });
    expect(output).toContain("from the host\n127.0.0.1 localhost\nwrote\n");
    expect(output).toContain("refused\n1\nstatus 0\n");
  });

  test("gives the program no descriptor but 0, 1 and 2", async () => {
    expect(await run("default", { script: "ls /proc/$$/fd; true" })).toMatch(/^0\n1\n2\n(10\n)?status 0\n$/);
  });

  test("maps the container's root to the host's range, and image files to the container's root", async () => {
    expect(
      await run("userns", {
        script:
          "cat /proc/self/uid_map | tr -s ' '; stat -c %u:%g /bin/busybox /dev/null /dev /dev/mqueue; touch /new && stat -c %u /new; echo x > /dev/null && echo ok",
      }),
    ).toBe(` 0 ${ID_BASE} 65536\n0:0\n0:0\n0:0\n0:0\n0\nok\nstatus 0\n`);
  });

  test("a terminal is the process's controlling terminal and /dev/console, and PID 1 is the reaper", async () => {
    expect(await run("tty", { script: "tty; stat -c %t:%T /dev/console; echo $$" })).toBe("/dev/pts/0\n88:0\n2\nstatus 0\n");
  });

  test("shares the host's namespaces where none are listed", async () => {
    const output = await run("host-namespaces", {
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
      const target = await start(container, { script: "sleep 1000", id: "target" });
      const names = ["mnt", "pid", "net", "uts", "ipc", "time", "cgroup", "user"];
      const theirs = names.map((name) => readNamespace(`${target.pid}`, name));
      const groups = readFileSync(`/proc/${target.pid}/cgroup`, "utf8");
      const output = await run(exec, {
        script: `for n in ${names.join(" ")}; do readlink /proc/self/ns/$n; done; hostname`,
        target,
        id: "target",
      });
      expect(output).toBe(`${theirs.join("\n")}\nwherry\nstatus 0\n`);
      expect(groups).toContain(`/${group}/target`);
      await kill(target);
    }
  });

  test("joins the namespaces of another container and its /dev/shm", async () => {
    const target = await start("default", { script: "echo shared > /dev/shm/note; sleep 1000" });
    await poll("the note", () => existsSync(`/proc/${target.pid}/root/dev/shm/note`));
    const output = await run("join", { script: "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; cat /dev/shm/note", target });
    expect(output).toBe(`${readNamespace(`${target.pid}`, "net")}\n${readNamespace(`${target.pid}`, "pid")}\nshared\nstatus 0\n`);
    await kill(target);
  });

  test("leaves the monitor in the monitors' cgroups, and in the host's namespaces", async () => {
    const target = await start("default", { script: "sleep 1000" });
    for (const line of readFileSync(`/proc/${target.monitorPid}/cgroup`, "utf8").trim().split("\n")) {
      // A hierarchy without controllers (v2 beside v1, or a named one) is not moved in.
      const [, controllers = ""] = line.split(":");
      if (controllers !== "" && !controllers.startsWith("name=")) expect(line).toEndWith(`/${group}/monitors`);
    }
    for (const name of ["mnt", "pid", "net", "time"]) expect(readNamespace(`${target.monitorPid}`, name)).toBe(readNamespace("self", name));
    expect(readFileSync(`/proc/${target.pid}/cgroup`, "utf8")).toContain(`/${group}/default`);
    await kill(target);
  });

  test("fails at the step that failed, and undoes what was made", async () => {
    const input = inputOf("default", { script: "true" });
    const config = {
      ...input.config,
      mounts: [...(input.config.mounts ?? []), { destination: "/x", type: "bind", source: `${base}/missing`, options: ["rbind"] }],
    };
    const plan = compilePlan({ ...input, config });
    const failure = await launchPlan({ launcher, plan: encodePlan(plan) }).catch((error: unknown) => error);
    const { operation } = (failure as { details: { operation: number } }).details;
    expect(plan.operations[operation]).toMatchObject({ name: "TREE", doing: `bind \`${base}/missing\` on \`/x\`` });
  });
});

function readNamespace(pid: string, name: string): string {
  return readlinkSync(`/proc/${pid}/ns/${name}`);
}

async function kill(target: LaunchedProcess): Promise<void> {
  process.kill(target.pid, "SIGKILL");
  await target.connection.ended;
  await target.connection.finish();
}
