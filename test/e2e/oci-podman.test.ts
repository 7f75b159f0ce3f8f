// podman with Wherry as its runtime.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { testDockerLikeEngine } from "../support/docker-like-engine.ts";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { removeTestCgroup, testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "busybox", "podman");
const isThere = test === bunTest;
let directory = "";
let command: readonly string[] = [];

beforeAll(() => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-podman");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  const roots = ["--root", `${directory}/root`, "--runroot", `${directory}/run`, "--tmpdir", `${directory}/tmp`];
  command = ["podman", ...roots, "--cgroup-manager", "cgroupfs", "--runtime", `${directory}/wherry-runc`];
  const [program = "", ...globals] = command;
  run(program, ...globals, "import", makeImageArchive(directory), "test:1");
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  const [program = "", ...globals] = command;
  await removed("--all");
  run(program, ...globals, "rmi", "--all", "--force");
  for (const name of readdirSync(`${directory}/root`)) if (name === "overlay") run("sh", "-c", `umount ${directory}/root/overlay || true`);
  await removeTestCgroup(testCgroup(directory));
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** podman says EBUSY while its own cleanup of a container that has just ended still has that one's /dev/shm mounted. */
async function removed(which: string): Promise<void> {
  const [program = "", ...globals] = command;
  const remove = () => new RunningProgram(program, [...globals, "rm", "--force", "--time", "0", which], { timeoutMs: 20_000 }).done;
  await poll("podman has removed it", async () => (await remove()).code === 0);
}

testDockerLikeEngine(test, () => ({
  command,
  // Its own default limits are above what a machine without CAP_SYS_RESOURCE may set.
  runFlags: ["--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", testCgroup(directory)],
  image: "test:1",
  runtimeOf: ({ OCIRuntime: runtime }) => runtime,
}));

describe("user namespaces", () => {
  const flags = ["--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--uidmap", "0:100000:65536"];
  const podman = async (...args: readonly string[]): Promise<string> => {
    const [program = "", ...globals] = command;
    const { code, stdout, stderr } = await new RunningProgram(program, [...globals, ...args]).done;
    if (code !== 0) throw new Error(`podman ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const runIn = (...args: readonly string[]): Promise<string> => podman("run", "--rm", "--cgroup-parent", testCgroup(directory), ...args);

  test("with the image's files, a volume that is mapped and one that is not", async () => {
    const volume = `${directory}/volume`;
    mkdirSync(volume);
    writeFileSync(`${volume}/file`, "");
    const list = "ls -ln /bin/busybox /mapped/file /plain/file";
    const output = await runIn(...flags, "-v", `${volume}:/mapped:idmap`, "-v", `${volume}:/plain`, "test:1", "sh", "-c", list);
    expect(output.split("\n").map((line) => line.split(/\s+/)[2])).toEqual(["0", "0", "65534", undefined]);
  });

  test("that share the host's processes, with sysctls of their own", async () => {
    const script = "ls -d /proc/1; cat /proc/sys/net/ipv4/ip_forward";
    expect(await runIn(...flags, "--pid", "host", "--sysctl", "net.ipv4.ip_forward=1", "test:1", "sh", "-c", script)).toBe("/proc/1\n1\n");
  });

  test("of another container are joined, alone and with what belongs to them", async () => {
    await podman("run", "-d", "--name", "first", "--cgroup-parent", testCgroup(directory), ...flags, "test:1", "sleep", "1000");
    const others = ["pid", "ipc", "network"].flatMap((kind) => [`--${kind}`, "container:first"]);
    const limits = flags.slice(2, 6);
    expect(await runIn("--network", "none", ...limits, "--userns", "container:first", "test:1", "cat", "/proc/self/uid_map")).toContain(
      "100000",
    );
    expect(await runIn(...limits, "--userns", "container:first", ...others, "test:1", "cat", "/proc/1/comm")).toBe("sleep\n");
    await removed("first");
  });
});
