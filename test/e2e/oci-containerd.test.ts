// containerd with Wherry as the runtime behind its shim; a daemon of its own, spoken to by ctr.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram, type RunOptions, type RunResult } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "busybox", "containerd");
const isThere = test === bunTest;
const image = "docker.io/library/test:1";
let directory = "";
let daemon: StartedDaemon | undefined;

const address = () => ["--address", `${directory}/sock`];
const runtime = () => ["--runtime", "io.containerd.runc.v2", "--runc-binary", `${directory}/wherry-runc`];
const group = (id: string) => ["--cgroup", `${testCgroup(directory)}/${id}`];
const ctr = (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  new RunningProgram("ctr", [...address(), ...args], options).done;

async function ok(args: readonly string[]): Promise<string> {
  const result = await ctr(args);
  if (result.code !== 0) throw new Error(`ctr ${args.join(" ")}: exit code ${result.code}\n${result.stderr}${result.stdout}`);
  return result.stdout;
}

const statusOf = async (id: string): Promise<string | undefined> =>
  (await ok(["task", "list"]))
    .split("\n")
    .find((line) => line.startsWith(`${id} `))
    ?.split(/\s+/)[2];

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-containerd");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  const settings = ["version = 2", `root = "${directory}/root"`, `state = "${directory}/state"`];
  const plugins = ['disabled_plugins = ["io.containerd.grpc.v1.cri"]', "[grpc]", `  address = "${directory}/sock"`];
  writeFileSync(`${directory}/config.toml`, `${[...settings, ...plugins].join("\n")}\n`);
  daemon = await StartedDaemon.start(["containerd", "--config", `${directory}/config.toml`], {
    log: `${directory}/log`,
    isReady: () => spawnSync("ctr", [...address(), "version"], { stdio: "ignore" }).status === 0,
  });
  run("ctr", ...address(), "image", "import", "--base-name", "docker.io/library/test", makeLayoutArchive(directory, image));
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await endEngine(daemon, directory);
}, 60_000);

test("ctr run: output and exit code", async () => {
  const result = await ctr(["run", "--rm", ...runtime(), ...group("once"), image, "once", "sh", "-c", "echo out; id -u; exit 5"]);
  expect(result).toMatchObject({ code: 5, stdout: "out\n0\n" });
  expect(await ctr(["run", "--rm", ...runtime(), ...group("missing"), image, "missing", "/nosuch"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('exec: "/nosuch": no such file or directory'),
  });
});

test("ctr run -t: a terminal", async () => {
  await using program = new TerminalProgram(["ctr", ...address(), "run", "--rm", "-t", ...runtime(), ...group("tty"), image, "tty", "sh"]);
  program.type("tty; exit 6\r");
  await program.sees(/\/dev\/pts\/0/);
  expect(await program.exited).toBe(6);
});

test("exec, pause, resume, ps, kill and delete of a task", async () => {
  await ok(["run", "-d", ...runtime(), ...group("life"), image, "life", "/payload", "sleep"]);
  expect(await statusOf("life")).toBe("RUNNING");
  expect(await ctr(["task", "exec", "--exec-id", "e1", "life", "sh", "-c", "echo in; exit 4"])).toMatchObject({ code: 4, stdout: "in\n" });
  await ok(["task", "pause", "life"]);
  expect(await statusOf("life")).toBe("PAUSED");
  await ok(["task", "resume", "life"]);
  expect(await statusOf("life")).toBe("RUNNING");
  const pid = /^(\d+)/m.exec(await ok(["task", "ps", "life"]))?.[1];
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  await ok(["task", "kill", "--signal", "SIGKILL", "life"]);
  await poll("the task has stopped", async () => (await statusOf("life")) === "STOPPED");
  await ctr(["task", "delete", "life"]);
  await ok(["container", "delete", "life"]);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});
