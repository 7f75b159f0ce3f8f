// `wherry oci`: what engines ask of a container while it runs, and of the runtime itself.
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { repository } from "../support/host-features.ts";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload");
const host = useOciHost("oci-commands");
const oci = host.oci.bind(host);
const ok = host.ok.bind(host);

let containers = 0;
/** An idle container and its pid. */
async function idle(...args: readonly string[]): Promise<{ id: string; pid: number }> {
  containers += 1;
  const id = `idle${containers}`;
  await host.left(["run", "-d", "-b", host.bundle(["/payload", "sleep", ...args]), id]);
  return { id, pid: Number((await host.state(id))["pid"]) };
}

/** The value of a file of the container's group, from whichever hierarchy has it under one of these names. */
function cgroupValue(pid: number, ...files: readonly string[]): string {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  for (const { mountPoint, version, controllers } of detectCgroupLayout().hierarchies) {
    const line = groups.find((entry) =>
      version === 2
        ? entry.startsWith("0::")
        : entry
            .split(":")[1]
            ?.split(",")
            .includes(controllers[0] ?? "") === true,
    );
    for (const file of files) {
      const path = `${mountPoint}${line?.split(":")[2]}/${file}`;
      if (line !== undefined && existsSync(path)) return readFileSync(path, "utf8").trim();
    }
  }
  throw new Error(`no ${files.join(" or ")}`);
}

describe("pause and resume", () => {
  test("stop every process and let them run on", async () => {
    const { id } = await idle();
    await ok(["pause", id]);
    expect(await host.state(id)).toMatchObject({ status: "paused" });
    expect(await oci(["exec", id, "/payload", "exit", "0"])).toMatchObject({ code: 255, stderr: expect.stringContaining("paused") });
    await ok(["resume", id]);
    expect(await host.state(id)).toMatchObject({ status: "running" });
    expect(await oci(["resume", id])).toMatchObject({ code: 1, stderr: expect.stringContaining("container not paused") });
    await ok(["pause", id]);
    await ok(["kill", id, "KILL"]);
    await host.untilStatus(id, "stopped");
    await ok(["delete", id]);
  });

  test("exec --ignore-paused waits for a paused container to go on", async () => {
    const { id } = await idle();
    await ok(["pause", id]);
    let ended = false;
    const exec = oci(["exec", "--ignore-paused", id, "/payload", "exit", "7"]).finally(() => (ended = true));
    // Its process is there, or its launcher, whichever of them stands still.
    await poll("somebody is in the group", async () => JSON.parse(await ok(["ps", "--format", "json", id])).length > 1);
    expect(await host.state(id)).toMatchObject({ status: "paused" });
    expect(ended).toBe(false);
    await ok(["resume", id]);
    expect(await exec).toMatchObject({ code: 7 });
    await ok(["delete", "--force", id]);
  });
});

test("exec --cgroup puts the process in a group beneath the container's", async () => {
  const { id, pid } = await idle();
  const groups = detectCgroupLayout().hierarchies.map(({ mountPoint, version, controllers, name }) => {
    const own = version === 2 ? "" : (controllers[0] ?? `name=${name}`);
    const line = readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .find((entry) => entry.split(":")[1]?.split(",").includes(own));
    return `${mountPoint}${line?.split(":")[2]}`;
  });
  for (const group of groups) mkdirSync(`${group}/inner`);
  const where = async (...flags: readonly string[]): Promise<readonly string[]> => {
    const pidFile = `${host.directory}/inner-pid`;
    await host.left(["exec", "-d", "--pid-file", pidFile, ...flags, id, "/payload", "sleep"]);
    const lines = readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/cgroup`, "utf8").split("\n");
    return lines.filter((line) => line.endsWith("/inner"));
  };
  expect(await where()).toEqual([]);
  expect(await where("--cgroup", "inner")).toHaveLength(groups.length);
  const refused = await oci(["exec", "--cgroup", "nosuch", id, "/payload", "exit", "0"]);
  expect(refused).toMatchObject({ code: 255, stderr: expect.stringContaining("no control group `nosuch`") });
  expect(await oci(["exec", "--cgroup", "..", id, "/payload"])).toMatchObject({
    code: 255,
    stderr: expect.stringContaining("not a sub cgroup"),
  });
  await ok(["delete", "--force", id]);
});

test("exec with execCPUAffinity leaves its monitor on the processors of its caller", async () => {
  const { id } = await idle();
  const last = /\d+$/.exec(readFileSync("/sys/devices/system/cpu/online", "utf8").trim())?.[0] ?? "0";
  const processFile = `${host.directory}/bound.json`;
  const pidFile = `${host.directory}/bound-pid`;
  writeFileSync(processFile, JSON.stringify({ cwd: "/", args: ["/payload", "sleep"], execCPUAffinity: { initial: last, final: last } }));
  const words = ["-c", "0", host.runtime, "--root", host.root, "exec", "--process", processFile, "--pid-file", pidFile, id];
  const exec = new RunningProgram("taskset", words);
  await poll("the process runs", () => existsSync(pidFile));
  const statusOf = (pid: string): string => readFileSync(`/proc/${pid}/status`, "utf8");
  const own = statusOf(readFileSync(pidFile, "utf8"));
  const monitor = statusOf(/^PPid:\s*(\d+)$/m.exec(own)?.[1] ?? "");
  const allowed = (status: string) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  expect({ own: allowed(own), monitor: allowed(monitor) }).toEqual({ own: last, monitor: "0" });
  await ok(["delete", "--force", id]);
  await exec.done;
});

describe("update", () => {
  test("changes limits by flags, a file and standard input; what is 0 or absent stays", async () => {
    const { id, pid } = await idle();
    await ok(["update", "--memory", "64m", "--pids-limit", "33", "--cpu-share", "512", "--cpuset-cpus", "0", id]);
    expect(cgroupValue(pid, "memory.limit_in_bytes", "memory.max")).toBe(String(64 * 1024 * 1024));
    expect(cgroupValue(pid, "pids.max")).toBe("33");
    expect(cgroupValue(pid, "cpuset.cpus")).toBe("0");
    const file = `${host.directory}/resources.json`;
    writeFileSync(file, JSON.stringify({ memory: { limit: 0, swap: null }, cpu: { shares: 0 }, pids: { limit: 44 } }));
    await ok(["update", "--resources", file, id]);
    expect(cgroupValue(pid, "pids.max")).toBe("44");
    expect(cgroupValue(pid, "memory.limit_in_bytes", "memory.max")).toBe(String(64 * 1024 * 1024));
    await ok(["update", "-r", "-", id], { stdin: JSON.stringify({ pids: { limit: -1 } }) });
    expect(cgroupValue(pid, "pids.max")).toBe("max");
    expect(await oci(["update", "--memory", "lots", id])).toMatchObject({ code: 1, stderr: expect.stringContaining("lots") });
    for (const [flag, words] of [
      ["--l3-cache-schema", "l3 cache schema is not enabled"],
      ["--mem-bw-schema", "memory bandwidth schema is not enabled"],
    ] as const) {
      // Of this host's processors; src/runtime/update-class-of-service.test.ts has a directory in resctrl's place.
      expect(existsSync("/sys/fs/resctrl/info")).toBe(false);
      expect(await oci(["update", flag, "L3:0=f", id])).toMatchObject({ code: 1, stderr: expect.stringContaining(words) });
    }
    await ok(["delete", "-f", id]);
    expect(await oci(["update", "--memory", "64m", id])).toMatchObject({ code: 1 });
  });
});

describe("what is there", () => {
  test("list and ps", async () => {
    const { id, pid } = await idle();
    const states = JSON.parse(await ok(["list", "--format", "json"])) as { id: string; pid: number }[];
    expect(states.find((state) => state.id === id)).toMatchObject({ pid, status: "running" });
    expect(await ok(["list"])).toMatch(new RegExp(`^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n(.*\n)*${id} +${pid} +running +/`));
    expect((await ok(["list", "-q"])).split("\n")).toContain(id);
    expect(JSON.parse(await ok(["ps", "--format", "json", id]))).toEqual([pid]);
    expect(await ok(["ps", id])).toMatch(new RegExp(`PID.*\n.* ${pid} .*payload sleep\n$`));
    expect(await ok(["ps", id, "-o", "pid,comm", "-A"])).toMatch(new RegExp(`PID COMMAND *\n *${pid} payload\n$`));
    await ok(["delete", "-f", id]);
  });

  test("events --stats, and a stream of them", async () => {
    const { id } = await idle();
    const once = JSON.parse(await ok(["events", "--stats", id])) as { data: { pids: object; memory: { usage: { usage: number } } } };
    expect(once).toMatchObject({ type: "stats", id, data: { pids: { current: 1 } } });
    expect(once.data.memory.usage.usage).toBeGreaterThan(0);
    const stream = host.start(["events", "--interval", "50ms", id]);
    await poll("three events", () => stream.stdout.split("\n").length > 3);
    await ok(["delete", "-f", id]);
    expect((await stream.done).code).toBe(0);
  });

  test("kill --all reaches processes that exec has left", async () => {
    const { id } = await idle();
    const pidFile = `${host.directory}/second`;
    await host.left(["exec", "-d", "--pid-file", pidFile, id, "/payload", "sleep"]);
    const second = Number(readFileSync(pidFile, "utf8"));
    expect((JSON.parse(await ok(["ps", "-f", "json", id])) as number[]).length).toBe(2);
    await ok(["kill", "--all", id, "TERM"]);
    await poll(
      "the second has ended",
      () => !existsSync(`/proc/${second}`) || readFileSync(`/proc/${second}/stat`, "utf8").includes(") Z "),
    );
    await ok(["kill", "-a", id, "KILL"]);
    await host.untilStatus(id, "stopped");
    await ok(["delete", id]);
  });
});

describe("the runtime itself", () => {
  test("spec writes a configuration that runs", async () => {
    const directory = `${host.directory}/spec`;
    mkdirSync(directory);
    await ok(["spec", "--bundle", directory]);
    expect(await oci(["spec", "-b", directory])).toMatchObject({ code: 1, stderr: expect.stringContaining("exists") });
    const written = JSON.parse(readFileSync(`${directory}/config.json`, "utf8")) as { process: { args: string[]; terminal: boolean } };
    const bundle = host.bundle(["/payload", "identity"], (config) => {
      Object.assign(config, written, { process: { ...written.process, args: ["/payload", "identity"], terminal: false } });
      config.linux.cgroupsPath = `${host.group}/spec`;
    });
    expect(JSON.parse(await ok(["run", "-b", bundle, "from-spec"]))).toMatchObject({ pid: 1 });
  });

  test("features lists what is built in", async () => {
    const features = JSON.parse(await ok(["features"])) as { linux: { namespaces: string[]; seccomp: { actions: string[] } } };
    expect(features).toMatchObject({ ociVersionMin: "1.0.0", hooks: expect.arrayContaining(["createRuntime"]) });
    expect(features.linux.namespaces).toContain("time");
    expect(features.linux.seccomp.actions).toContain("SCMP_ACT_ERRNO");
    // Nothing is claimed that the configuration's schema does not know.
    const schema = JSON.parse(readFileSync(`${repository}/src/plan/oci/config-schema.json`, "utf8")) as {
      properties: { linux: { properties: { namespaces: { items: { properties: { type: { enum: string[] } } } } } } };
    };
    const known = schema.properties.linux.properties.namespaces.items.properties.type.enum;
    expect(features.linux.namespaces.toSorted()).toEqual(known.toSorted());
  });

  test("every command has help, on standard output", async () => {
    // oxlint-disable-next-line no-await-in-loop
    for (const args of [["--help"], ["-h"], ["help"]])
      expect(await oci(args)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringMatching(/^wherry-runc: an OCI runtime[^]*\n {2}exec /),
      });
    const help = await ok(["exec", "--help"]);
    expect(help).toMatch(/^wherry-runc exec: [^]*Usage: wherry-runc \[global options\] exec[^]*--user, -u UID\[:GID\]/);
    expect(await ok(["exec", "-t", "-h"])).toBe(help);
    expect(await ok(["help", "exec"])).toBe(help);
    expect(await oci(["help", "nosuch"])).toMatchObject({ code: 1, stderr: expect.stringContaining("No help topic for 'nosuch'") });
    // It belongs to the container's program, or to the flag.
    const { id } = await idle();
    expect(await oci(["exec", id, "/payload", "exit", "3", "--help"])).toMatchObject({ code: 3, stdout: "" });
    expect(await oci(["exec", "--cwd", "-h", id, "/payload", "exit", "0"])).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("-h"),
    });
    await ok(["delete", "--force", id]);
  });

  test("what is not there says so", async () => {
    expect(await oci(["checkpoint", "x"])).toMatchObject({ code: 1, stderr: expect.stringContaining("CRIU") });
    expect(await oci(["nosuch"])).toMatchObject({ code: 1, stderr: expect.stringContaining("nosuch") });
    expect(await oci(["--cgroup-manager", "other", "list"])).toMatchObject({ code: 1, stderr: expect.stringContaining("`other`") });
    expect(await oci(["state", "../etc"])).toMatchObject({ code: 1, stderr: expect.stringContaining("invalid container ID format") });
  });
});

const testV2 = requires("root", "binary", "payload", "cgroup-v2");

testV2("exec follows the first process into a group that it has made for itself", async () => {
  const { id, pid } = await idle();
  const group = `/sys/fs/cgroup${/^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1]}`;
  mkdirSync(`${group}/init`);
  writeFileSync(`${group}/init/cgroup.procs`, String(pid));
  writeFileSync(`${group}/cgroup.subtree_control`, "+pids");
  expect((await oci(["exec", id, "/payload", "exit", "3"])).code).toBe(3);
  await ok(["delete", "--force", id]);
  expect(existsSync(group)).toBe(false);
});
