// `wherry oci --systemd-cgroup` for somebody who is not root: his own systemd makes the control groups.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useRootlessHost } from "../support/rootless-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "user-namespaces", "cgroup-v2", "systemd");
const isThere = test === bunTest;
const { user, host, bundle } = useRootlessHost("rs");
let group = "";
const unit = `wherry-test-user-${process.pid}`;

/** A manager for a user whom the machine does not know: a unit of the system's whose group is given to him. */
beforeAll(async () => {
  if (!isThere) return;
  const give = `for file in "" /cgroup.procs /cgroup.subtree_control; do chown ${user.uid} /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)$file; done`;
  const command = ["sh", "-c", `${give}; exec "$@"`, "sh", ...user.prefix, "/lib/systemd/systemd", "--user"];
  const { status, stderr } = spawnSync("systemd-run", ["--quiet", `--unit=${unit}`, "-p", "Delegate=yes", ...command], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  group = spawnSync("systemctl", ["show", "--property=ControlGroup", "--value", unit], { encoding: "utf8" }).stdout.trim();
  mkdirSync(`/sys/fs/cgroup${group}/caller`);
  await poll("the user's bus is there", () => existsSync(`${user.directory}/run/bus`), { timeoutMs: 20_000 });
}, 120_000);

afterAll(() => {
  if (isThere) spawnSync("systemctl", ["stop", unit]);
}, 60_000);

/** Beneath his manager: neither he nor it may move a process that is elsewhere. */
const own = (...args: readonly string[]): readonly string[] => [
  "sh",
  "-c",
  `echo $$ > /sys/fs/cgroup${group}/caller/cgroup.procs; exec "$@"`,
  "sh",
  ...user.prefix,
  `${user.directory}/dist/wherry`,
  "oci",
  "--systemd-cgroup",
  "--root",
  host.root,
  ...args,
];
const inside = (...args: readonly string[]) => {
  const [program = "", ...rest] = own(...args);
  return new RunningProgram(program, rest).done;
};

test("limits, processes and the end of a scope that the user's systemd has made", async () => {
  const made = await bundle(["/payload", "sleep"], ({ linux }) => {
    linux.cgroupsPath = "user.slice:wherry:box";
    linux.resources = { pids: { limit: 20 } };
  });
  const file = `${host.directory}/output`;
  const output = openSync(file, "w");
  const [program = "", ...args] = own("run", "--detach", "-b", made, "box");
  const { status } = spawnSync(program, args, { stdio: ["ignore", output, output] });
  expect({ status, said: readFileSync(file, "utf8").replace("ready\n", "") }).toEqual({ status: 0, said: "" });
  const { pid } = await host.state("box");
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/cgroup`, "utf8"))?.[1] ?? "";
  expect(path).toBe(`${group}/user.slice/wherry-box.scope`);
  const limit = () => readFileSync(`/sys/fs/cgroup${path}/pids.max`, "utf8").trim();
  expect(limit()).toBe("20");
  expect((await inside("exec", "box", "/payload", "exit", "4")).code).toBe(4);
  expect(await inside("update", "--pids-limit", "30", "box")).toMatchObject({ code: 0, stderr: "" });
  expect(limit()).toBe("30");
  expect(await inside("delete", "--force", "box")).toMatchObject({ code: 0, stderr: "" });
  expect(existsSync(`/sys/fs/cgroup${path}`)).toBe(false);
}, 60_000);

test("without a manager that is an error", async () => {
  const made = await bundle(["/payload", "exit", "0"]);
  const [program, ...rest] = [...user.prefix, "env", "XDG_RUNTIME_DIR=/nonexistent", `${user.directory}/dist/wherry`, "oci"];
  const run = ["--systemd-cgroup", "--root", host.root, "run", "-b", made, "lost"];
  expect(await new RunningProgram(program, [...rest, ...run]).done).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("user manager"),
  });
}, 60_000);
