// `wherry oci` when one of its processes is killed half-way: what is left can be seen, and deleted.
import { expect } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary", "payload");
const host = useOciHost("oci-crash");

/** A `create` that stops in a hook of the host's, for as long as the file `held` is not there. */
async function createThatHangs(id: string): Promise<{ readonly child: ChildProcess; readonly hook: number }> {
  const marker = `${host.directory}/${id}-hook`;
  const bundle = host.bundle(["/payload", "exit", "0"], (config) => {
    config.hooks = {
      createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `echo $$ > ${marker}.new; mv ${marker}.new ${marker}; exec sleep 1000`] }],
    };
  });
  const child = spawn(host.runtime, ["--root", host.root, "create", "-b", bundle, id], { stdio: ["ignore", "ignore", "ignore"] });
  await poll("the hook runs", () => existsSync(marker));
  return { child, hook: Number(readFileSync(marker, "utf8")) };
}

function launcherOf(id: string): number | undefined {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`plan\0${id}\0`);
      } catch {
        return false;
      }
    });
}

const isGone = (pid: number) => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");

test("create is killed: the launcher undoes what it did, and the rest can be deleted", async () => {
  const { child, hook } = await createThatHangs("killed");
  expect(await host.state("killed")).toMatchObject({ status: "creating", pid: 0 });
  child.kill("SIGKILL");
  await once(child, "exit");
  // A hook is the host's own program: it is not cut short, but nothing comes after it.
  expect({ hookIsGone: isGone(hook), launcherIsThere: launcherOf("killed") !== undefined }).toEqual({
    hookIsGone: false,
    launcherIsThere: true,
  });
  process.kill(hook, "SIGKILL");
  await poll("the launcher is gone", () => launcherOf("killed") === undefined);
  expect(await host.state("killed")).toMatchObject({ status: "stopped", pid: 0 });
  expect((await host.oci(["start", "killed"])).code).toBe(1);
  await host.ok(["delete", "killed"]);
  expect(existsSync(`${host.root}/killed`)).toBe(false);
});

test("create is killed: a hook without a timeout that hangs is ended, some time later", async () => {
  const { child, hook } = await createThatHangs("orphaned");
  child.kill("SIGKILL");
  await poll("the hook is ended", () => isGone(hook), { timeoutMs: 20_000 });
  await poll("the launcher is gone", () => launcherOf("orphaned") === undefined);
  await host.ok(["delete", "--force", "orphaned"]);
}, 30_000);

test("the launcher is killed: create fails, and leaves nothing", async () => {
  const { child, hook } = await createThatHangs("lost");
  const launcher = launcherOf("lost");
  expect(launcher).toBeDefined();
  process.kill(launcher ?? 0, "SIGKILL");
  expect(await once(child, "exit")).toEqual([1, null]);
  if (!isGone(hook)) process.kill(hook, "SIGKILL");
  await poll("the hook is gone", () => isGone(hook));
  expect(await host.oci(["state", "lost"])).toMatchObject({ code: 1, stderr: expect.stringContaining("does not exist") });
  expect(existsSync(`${host.root}/lost`)).toBe(false);
});

test("the pid of a container that has died belongs to nobody else: it is not signalled, entered or waited for", async () => {
  // Older than the container by more than the clock tick that start times are counted in.
  const stranger = spawn("sleep", ["1000"], { stdio: "ignore" });
  await host.left(["run", "-d", "-b", host.bundle(["/payload", "exit", "0"]), "before"]);
  await host.untilStatus("before", "stopped");
  await host.left(["run", "-d", "-b", host.bundle(["/payload", "sleep"]), "reused"]);
  const file = `${host.root}/reused/state.json`;
  const record = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
  const { pid } = record;
  writeFileSync(file, JSON.stringify({ ...record, pid: stranger.pid }));
  expect(await host.state("reused")).toMatchObject({ status: "stopped" });
  expect((await host.oci(["kill", "reused", "KILL"])).code).toBe(1);
  expect((await host.oci(["exec", "reused", "/payload", "exit", "0"])).code).toBe(255);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  writeFileSync(file, JSON.stringify({ ...record, pid, bootId: "another" }));
  expect(await host.state("reused")).toMatchObject({ status: "stopped" });
  writeFileSync(file, JSON.stringify(record));
  await host.ok(["delete", "--force", "reused"]);
  stranger.kill("SIGKILL");
});

test("a foreground command is killed: the container runs on, and can be deleted", async () => {
  const running = host.start(["run", "-b", host.bundle(["/payload", "sleep"]), "orphan"]);
  await poll("it runs", () => running.stdout.includes("ready"));
  // Killed before it has heard of the process, it would take that with it.
  await host.untilStatus("orphan", "running");
  running.child.kill("SIGKILL");
  await once(running.child, "exit");
  expect(await host.state("orphan")).toMatchObject({ status: "running" });
  await host.ok(["kill", "orphan", "KILL"]);
  await host.untilStatus("orphan", "stopped");
  await host.ok(["delete", "orphan"]);
});
