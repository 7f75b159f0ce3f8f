// `wherry oci` as runc: create, start, state, kill, delete, run, exec of bundles, without an engine.
import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload");
const host = useOciHost("oci-lifecycle");
const oci = host.oci.bind(host);
const ok = host.ok.bind(host);
const left = host.left.bind(host);

describe("create, start, kill, delete", () => {
  test("create leaves a process that waits, start lets it execute its program", async () => {
    const bundle = host.bundle(["/payload", "signals"]);
    const pidFile = `${host.directory}/pid`;
    await left(["create", "--bundle", bundle, "--pid-file", pidFile, "one"]);
    const created = await host.state("one");
    expect(created).toMatchObject({ ociVersion: "1.0.2-dev", id: "one", status: "created", bundle, rootfs: `${bundle}/rootfs` });
    expect(readFileSync(pidFile, "utf8")).toBe(String(created["pid"]));
    expect(readFileSync(`/proc/${String(created["pid"])}/cmdline`, "utf8")).toContain("launcher");
    // Nothing of ours stays: whoever runs create becomes, or has chosen, its parent.
    expect(readFileSync(`/proc/${String(created["pid"])}/status`, "utf8")).not.toMatch(/^PPid:\t0$/m);

    await ok(["start", "one"]);
    expect(await host.state("one")).toMatchObject({ status: "running", pid: created["pid"] });
    expect(readFileSync(`/proc/${String(created["pid"])}/cmdline`, "utf8")).toBe("/payload\0signals\0");
    expect(await oci(["start", "one"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot start a container that is not created"),
    });
    expect(await oci(["delete", "one"])).toMatchObject({ code: 1, stderr: expect.stringContaining("that is not stopped: running") });

    await ok(["kill", "one", "0"]);
    await ok(["kill", "one", "KILL"]);
    await host.untilStatus("one", "stopped");
    expect(await host.state("one")).toMatchObject({ pid: 0, status: "stopped" });
    expect(await oci(["kill", "one"])).toMatchObject({ code: 1, stderr: expect.stringContaining("container not running") });
    expect(await oci(["start", "one"])).toMatchObject({ code: 1, stderr: expect.stringContaining("has stopped") });
    await ok(["delete", "one"]);
    expect(await oci(["state", "one"])).toMatchObject({ code: 1, stderr: expect.stringContaining("container does not exist") });
    expect(existsSync(`${host.root}/one`)).toBe(false);
  });

  test("an id is taken once", async () => {
    const bundle = host.bundle(["/payload", "exit", "0"]);
    const results = await Promise.all([1, 2, 3].map(() => host.leave(["create", "-b", bundle, "same"])));
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
    for (const { output } of results.filter(({ code }) => code === 1)) expect(output).toContain("container with given ID already exists");
    await ok(["delete", "same"]);
  });

  test("what was only created can be deleted, and a signal ends it", async () => {
    const bundle = host.bundle(["/payload", "exit", "0"]);
    await left(["create", "-b", bundle, "idle"]);
    await ok(["kill", "idle", "TERM"]);
    await host.untilStatus("idle", "stopped");
    expect(await oci(["start", "idle"])).toMatchObject({ code: 1, stderr: expect.stringContaining("has stopped") });
    await ok(["delete", "idle"]);
    await left(["create", "-b", bundle, "idle"]);
    await ok(["delete", "idle"]);
  });

  test("delete --force ends what runs, and is content with what is not there", async () => {
    await left(["run", "--detach", "-b", host.bundle(["/payload", "sleep"]), "forced"]);
    await ok(["delete", "--force", "forced"]);
    await ok(["delete", "--force", "forced"]);
    expect(await oci(["delete", "forced"])).toMatchObject({ code: 1, stderr: expect.stringContaining("container does not exist") });
  });

  test("a program that is not there is told by create, and nothing is left", async () => {
    const log = `${host.directory}/log.json`;
    const bundle = host.bundle(["/nosuch"]);
    const result = await oci(["--log", log, "--log-format", "json", "create", "-b", bundle, "missing"]);
    expect(result).toMatchObject({ code: 1, stderr: 'exec: "/nosuch": no such file or directory\n' });
    const line = JSON.parse(readFileSync(log, "utf8").trim()) as Record<string, string>;
    expect(line).toEqual({ level: "error", msg: 'exec: "/nosuch": no such file or directory', time: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(readdirSync(host.root)).toEqual([]);
    expect(await oci(["create", "-b", host.bundle(["nosuch"]), "missing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("executable file not found in $PATH"),
    });
  });

  test("a program that can't be executed is told by start", async () => {
    await left(["create", "-b", host.bundle(["/etc"]), "directory"]);
    expect(await oci(["start", "directory"])).toMatchObject({ code: 1, stderr: expect.stringContaining("permission denied") });
    await ok(["delete", "directory"]);
  });
});

describe("run", () => {
  test.each([0, 7, 255])("passes the exit code %d on", async (code) => {
    expect(await oci(["run", "-b", host.bundle(["/payload", "exit", String(code)]), "once"])).toMatchObject({
      code,
      stdout: "",
      stderr: "",
    });
  });

  test("gives the process its own streams", async () => {
    const result = await oci(["run", "-b", host.bundle(["/payload", "copy"]), "streams"], { stdin: "through\n" });
    expect(result).toMatchObject({ code: 0, stdout: "through\n" });
  });

  test("passes signals on, and 128 + n when one ends it", async () => {
    const running = host.start(["run", "-b", host.bundle(["/payload", "signals"]), "signalled"]);
    await poll("it is ready", () => running.stdout.includes("ready"));
    running.child.kill("SIGUSR1");
    await poll("the signal arrived", () => /USR1|\b10\b/.test(running.stdout));
    await ok(["kill", "signalled", "9"]);
    expect((await running.done).code).toBe(137);
    expect(existsSync(`${host.root}/signalled`)).toBe(false);
  });

  test("--keep leaves the state", async () => {
    await ok(["run", "--keep", "-b", host.bundle(["/payload", "exit", "0"]), "kept"]);
    expect(await host.state("kept")).toMatchObject({ status: "stopped" });
    await ok(["delete", "kept"]);
  });

  test("the process finds nothing of the launcher", async () => {
    const result = await oci(["run", "-b", host.bundle(["/payload", "leaks"]), "leaks"]);
    expect(result.code).toBe(0);
    const leaks = JSON.parse(result.stdout) as { readonly descriptors?: unknown };
    expect(JSON.stringify(leaks)).not.toContain("launcher");
  });
});

describe("exec", () => {
  test("runs further processes, in the foreground and detached", async () => {
    await left(["run", "-d", "-b", host.bundle(["/payload", "sleep"]), "target"]);
    expect(await oci(["exec", "target", "/payload", "exit", "5"])).toMatchObject({ code: 5, stderr: "" });
    expect(await oci(["exec", "target", "/payload", "copy"], { stdin: "in\n" })).toMatchObject({ code: 0, stdout: "in\n" });
    const pidFile = `${host.directory}/exec-pid`;
    await left(["exec", "--detach", "--pid-file", pidFile, "target", "/payload", "sleep"]);
    expect(readFileSync(`/proc/${readFileSync(pidFile, "utf8")}/cmdline`, "utf8")).toBe("/payload\0sleep\0");
    const identity = await ok(["exec", "--cwd", "/tmp", "--env", "A=b", "--user", "7:8", "target", "/payload", "identity"]);
    expect(JSON.parse(identity)).toMatchObject({ cwd: "/tmp", uid: expect.anything() });
    expect(identity).toContain("A=b");
    expect(await oci(["exec", "target", "/nosuch"])).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("no such file or directory"),
    });
    await ok(["delete", "--force", "target"]);
    expect(await oci(["exec", "target", "/payload", "exit", "0"])).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("does not exist"),
    });
  });
});

test("`wherry oci` and a link called wherry-runc are the same; --version is as engines parse it", async () => {
  const byName = await ok(["--version"]);
  const byWord = await new RunningProgram(wherryProgram, ["oci", "--version"]).done;
  expect(byName).toBe(byWord.stdout);
  expect(byName).toMatch(/^wherry-oci version \S+\n(commit: \S+\n)?spec: \d+\.\d+\.\d+\S*\n$/);
});

describe("descriptors and terminals", () => {
  test("--preserve-fds passes descriptors on, and no others", async () => {
    const { closeSync, openSync, writeFileSync } = await import("node:fs");
    const { spawn } = await import("node:child_process");
    const { once } = await import("node:events");
    const path = `${host.directory}/passed`;
    writeFileSync(path, "");
    const file = openSync(path, "a");
    const inTo = (flags: readonly string[], command: readonly string[]) =>
      once(
        spawn(host.runtime, ["--root", host.root, "run", ...flags, "-b", host.bundle(command), "passing"], {
          stdio: ["ignore", "ignore", "inherit", file, file],
        }),
        "exit",
      );
    expect(await inTo(["--preserve-fds", "2"], ["/payload", "pattern", "5", "4"])).toEqual([0, null]);
    expect(readFileSync(path).length).toBe(5);
    expect(await inTo(["--preserve-fds", "1"], ["/payload", "pattern", "5", "4"])).not.toEqual([0, null]);
    closeSync(file);
    expect(readFileSync(path).length).toBe(5);
    // Nothing that happens to be open in the runtime itself gets in.
    expect((await oci(["run", "--preserve-fds", "3", "-b", host.bundle(["/payload", "leaks"]), "gap"])).code).toBe(1);
  });

  test("run and exec in the foreground on the caller's terminal", async () => {
    const { TerminalProgram } = await import("../support/terminal-program.ts");
    const bundle = host.bundle(["/payload", "terminal", "1"], (config) => {
      config.process.terminal = true;
    });
    await using program = new TerminalProgram([host.runtime, "--root", host.root, "run", "-b", bundle, "tty"], { rows: 30, columns: 90 });
    await program.sees("1 1 1 30x90");
    program.resize({ rows: 31, columns: 91 });
    await program.sees("1 1 1 31x91");
    expect(await program.exited).toBe(0);
  });

  test("detaching with a terminal needs a console socket", async () => {
    const bundle = host.bundle(["/payload", "exit", "0"], (config) => {
      config.process.terminal = true;
    });
    expect(await oci(["create", "-b", bundle, "no-socket"])).toMatchObject({ code: 1, stderr: expect.stringContaining("console socket") });
    const plain = host.bundle(["/payload", "exit", "0"]);
    expect(await oci(["create", "--console-socket", "/nosuch", "-b", plain, "no-tty"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("console socket"),
    });
  });
});

test("what is wrong with a configuration is named by its path", async () => {
  const refusal = async (change: Parameters<typeof host.bundle>[1]) =>
    (await oci(["create", "-b", host.bundle(["/payload"], change), "wrong"])).stderr;
  expect(await refusal((config) => Object.assign(config.process, { args: "sh" }))).toContain("`process.args`: an array is meant");
  expect(await refusal((config) => Object.assign(config, { root: null }))).toContain("`root`: is missing");
  expect(await refusal((config) => Object.assign(config.linux, { namespaces: [{ type: "mnt" }] }))).toContain("`linux.namespaces[0].type`");
  expect(await oci(["create", "-b", "/nosuch", "wrong"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("/nosuch/config.json"),
  });
});

test("a control group with processes is not taken for a container's", async () => {
  const group = `${host.group}/shared`;
  const inGroup = (...args: readonly string[]) =>
    host.bundle(args, (config) => {
      config.linux.cgroupsPath = group;
    });
  await left(["run", "-d", "-b", inGroup("/payload", "sleep"), "owner"]);
  expect(await oci(["create", "-b", inGroup("/payload", "exit", "0"), "guest"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("cgroup is not empty"),
  });
  expect(await host.state("owner")).toMatchObject({ status: "running" });
  await ok(["delete", "-f", "owner"]);
});
