// kill -9 of the command, of the monitor, of the container's process, of all; an exit hook that fails.
// timeout: 300 s
import { afterEach, describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import type { ContainerId } from "../../src/core/brands.ts";
import { LocalContainerService } from "../../src/engine/container-service.ts";
import { isAlive } from "../../src/kernel/process-reference.ts";
import type { ContainerRow } from "../../src/state/container-row.ts";
import { findContainer, getContainer } from "../../src/state/container-table.ts";
import { findRunTraces, findTraces } from "../support/container-traces.ts";
import { useFaultHost, findProcesses } from "../support/fault-host.ts";
import { killParts } from "../support/kill-parts.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import type { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useFaultHost("kill", "dist");

afterEach(async () => {
  const left = (await host.ok(["ps", "-aq"])).split("\n").filter((id) => id !== "");
  if (left.length > 0) await host.ok(["rm", "-f", ...left]);
});
const sleeper = ["--name", "box", "payload", "sleep"];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
/** As it is stored; nothing is looked after. */
const row = (reference = "box"): ContainerRow => findContainer(host.host.store, reference);
const inspect = (reference = "box") => host.containers.inspect(reference);

/** Starts a command and waits for what it prints. */
async function startAndSee(args: readonly string[], text: string): Promise<RunningProgram> {
  const program = host.start(args, { openStdin: true });
  await poll(`${args.join(" ")} to print ${text}`, () => program.stdout.includes(text));
  return program;
}

async function kill(program: RunningProgram): Promise<void> {
  program.child.kill("SIGKILL");
  await program.done;
}

async function endsWithoutTrace(id: ContainerId): Promise<void> {
  await poll("no trace of the run", () => findRunTraces(host.host, id).length === 0).catch(() => undefined);
  expect(findRunTraces(host.host, id)).toEqual([]);
}

async function goesWithoutTrace(id: ContainerId): Promise<void> {
  await host.ok(["rm", "-f", id]);
  await poll("no trace", () => findTraces(host.host, id).length === 0).catch(() => undefined);
  expect(findTraces(host.host, id)).toEqual([]);
}

describe("the command is killed", () => {
  test.each([
    ["run", ["run", ...sleeper], 137],
    ["run -i", ["run", "-i", ...sleeper], 137],
    // Not PID 1, so SIGTERM ends it.
    ["run --init", ["run", "--init", ...sleeper], 143],
  ] as const)("%s, attached: the container runs on, and its output is kept", async (_, args, exitCode) => {
    const command = await startAndSee(args, "ready");
    const { id } = row();
    await kill(command);
    expect(await inspect()).toMatchObject({ status: "running" });
    expect(await host.ok(["logs", "box"])).toBe("ready");
    expect(await host.wherry(["exec", "box", "/payload", "exit", "4"])).toMatchObject({ code: 4 });
    await host.ok(["stop", "-t", "1", "box"]);
    expect(await inspect()).toMatchObject({ status: "exited", exitCode });
    await endsWithoutTrace(id);
    await goesWithoutTrace(id);
  });

  test("run -t: the container runs on, and can be attached to", async () => {
    await using terminal = host.terminal(["run", "-it", "--name", "box", "payload", "copy"]);
    await poll("the container to run", () => row().status === "running");
    const found = row();
    process.kill(terminal.pid, "SIGKILL");
    await terminal.exited;
    expect(await inspect()).toMatchObject({ status: "running", pid: found.pid });
    await using second = host.terminal(["attach", "box"]);
    second.type("echo?\r");
    await second.sees("echo?\r\necho?");
    await goesWithoutTrace(found.id);
  });

  test("run --rm: the container is removed at its end, though nobody is there", async () => {
    const command = await startAndSee(["run", "--rm", ...sleeper], "ready");
    const found = row();
    await kill(command);
    expect(await inspect()).toMatchObject({ status: "running" });
    process.kill(found.pid, "SIGKILL");
    await poll("its removal", () => getContainer(host.host.store, found.id) === undefined && findTraces(host.host, found.id).length === 0);
  });

  test("run --rm, at its very end: the monitor sees that the one who claimed the end is gone", async () => {
    const command = await startAndSee(["run", "--rm", ...sleeper], "ready");
    const found = row();
    command.child.kill("SIGSTOP");
    process.kill(found.pid, "SIGKILL");
    await poll("the end", () => !isAlive({ pid: found.pid, startTime: found.pidStart }));
    await kill(command);
    await poll("its removal", () => getContainer(host.host.store, found.id) === undefined && findTraces(host.host, found.id).length === 0);
  });

  test("exec: its process runs on, and ends with the container", async () => {
    await host.ok(["run", "-d", ...sleeper]);
    const { id } = row();
    const command = await startAndSee(["exec", "box", "/payload", "sleep"], "ready");
    await kill(command);
    const { status, execIds } = await inspect();
    expect(status).toBe("running");
    expect(execIds).toHaveLength(1);
    expect(host.host.cgroups.pids(row())).toHaveLength(2);
    await host.ok(["stop", "-t", "0", "box"]);
    await endsWithoutTrace(id);
  });

  test.each([
    ["logs -f", ["logs", "-f", "box"], "ready"],
    ["attach", ["attach", "box"], ""],
    ["wait", ["wait", "box"], ""],
    ["stop", ["stop", "-t", "600", "box"], ""],
  ] as const)("%s: the container does not care", async (_, args, output) => {
    await host.ok(["run", "-d", ...sleeper]);
    const { id, pid } = row();
    const command = await startAndSee(args, output);
    if (args[0] === "stop") await poll("stop to have sent its signal", () => row().stopRequested);
    await kill(command);
    expect(await inspect()).toMatchObject({ status: "running", pid });
    expect(await host.wherry(["exec", "box", "/payload", "exit", "4"])).toMatchObject({ code: 4 });
    await host.ok(["stop", "-t", "0", "box"]);
    await endsWithoutTrace(id);
  });

  test("import, in the middle of its archive: nothing is there, and nothing stays", async () => {
    const command = host.start(["import", "-", "half"], { openStdin: true });
    command.child.stdin?.write(Buffer.alloc(1024 * 1024));
    const ingest = `${host.root}/content/ingest`;
    await poll("the archive to arrive", () => existsSync(ingest) && readdirSync(ingest).length === 1);
    await kill(command);
    expect(await host.ok(["images", "--format", "{{.Repository}}"])).toBe("payload");
    await host.ok(["import", `${host.directory}/payload.tar`, "whole"]);
    expect(readdirSync(ingest)).toEqual([]);
    await host.ok(["rmi", "whole"]);
  });

  /** Commands, each killed at many moments of its life. */
  const verbs: readonly (readonly [string, readonly (readonly string[])[], readonly string[]])[] = [
    ["run", [], ["run", "--name", "box", "payload", "exit"]],
    ["run -d", [], ["run", "-d", ...sleeper]],
    ["run --rm", [], ["run", "--rm", "--name", "box", "payload", "exit"]],
    ["start", [["create", ...sleeper]], ["start", "box"]],
    ["restart", [["run", "-d", ...sleeper]], ["restart", "-t", "0", "box"]],
    ["stop", [["run", "-d", ...sleeper]], ["stop", "-t", "0", "box"]],
    ["rm -f", [["run", "-d", ...sleeper]], ["rm", "-f", "box"]],
    ["exec", [["run", "-d", ...sleeper]], ["exec", "box", "/payload", "exit"]],
    ["pause", [["run", "-d", ...sleeper]], ["pause", "box"]],
    ["commit", [["run", "-d", ...sleeper]], ["commit", "box", "of-box"]],
  ];
  test.each(verbs)(
    "%s, at any moment: what is told is so, and the name can be used again",
    async (_, given, args) => {
      for (const moment of numbers(12)) {
        for (const before of given) await host.ok(before);
        const command = host.start(args);
        await killAfter(command, moment * 3);
        const [found] = await host.containers.list({ all: true });
        if (found !== undefined) {
          const { id } = found;
          const status = await settledStatus(id);
          if (status !== "running" && status !== "paused") await endsWithoutTrace(id);
          await goesWithoutTrace(id);
        }
        expect(await host.wherry(["run", "--rm", "--name", "box", "payload", "exit", "6"])).toMatchObject({ code: 6, stderr: "" });
      }
      expect(readdirSync(`${host.root}/containers`)).toEqual([]);
      expect(readdirSync(host.runRoot).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
    },
    120_000,
  );

  /**
   * What is told of it, once that agrees with the kernel. A signal that the dead command had sent takes a moment to do its work, and the
   * exit hook may have taken over what the command was at.
   */
  async function settledStatus(id: ContainerId): Promise<string> {
    return poll("what is told to be so", async () => {
      const now = (await host.containers.list({ all: true })).find((container) => container.id === id);
      if (now === undefined) return "gone";
      if (now.status !== "running" && now.status !== "paused") return ["created", "exited"].includes(now.status) && now.status;
      return host.host.cgroups.pids(row(id)).includes(row(id).pid) && now.status;
    });
  }

  /** The moments are a sample, not a synchronisation: whichever the kill hits, the same must hold. */
  async function killAfter(command: RunningProgram, milliseconds: number): Promise<void> {
    const timer = setTimeout(() => command.child.kill("SIGKILL"), milliseconds);
    await command.done;
    clearTimeout(timer);
  }
});

describe("the monitor is killed", () => {
  const lost = { status: "exited", exitCode: 255, pid: 0, error: "ended with an unknown status: its monitor was killed" };

  test.each([
    ["alone", []],
    ["with --init", ["--init"]],
    ["in a user namespace", ["--userns", "auto"]],
    ["with the host's pid namespace", ["--pid", "host"]],
    ["on a terminal", ["-t"]],
  ] as const)("%s: the container dies, its end is recorded as unknown", async (_, flags) => {
    await host.ok(["run", "-d", ...flags, ...sleeper]);
    const found = row();
    await killParts(found, "monitor");
    expect(await inspect()).toMatchObject(lost);
    expect(isAlive({ pid: found.pid, startTime: found.pidStart })).toBe(false);
    await endsWithoutTrace(found.id);
    await host.ok(["start", "box"]);
    expect(await inspect()).toMatchObject({ status: "running", error: "" });
    await goesWithoutTrace(found.id);
  });

  test("children of a process without a pid namespace of its own die as well", async () => {
    await host.ok(["run", "-d", "--pid", "host", "--name", "box", "payload", "forks", "5"]);
    const found = row();
    await poll("the children", () => host.host.cgroups.pids(found).length === 6);
    const pids = host.host.cgroups.pids(found);
    await killParts(found, "monitor");
    expect(await inspect()).toMatchObject(lost);
    await poll("all to be dead", () => pids.every((pid) => !existsSync(`/proc/${pid}/ns/pid`)));
    await endsWithoutTrace(found.id);
  });

  test("those who wait for it, read it or are attached are told", async () => {
    const run = await startAndSee(["run", ...sleeper], "ready");
    const waits = [host.start(["wait", "box"]), host.start(["attach", "box"]), await startAndSee(["logs", "-f", "box"], "ready")];
    const exec = await startAndSee(["exec", "box", "/payload", "sleep"], "ready");
    const stop = host.start(["stop", "-t", "600", "box"]);
    await poll("stop to have sent its signal", () => row().stopRequested);
    await killParts(row(), "monitor");
    expect(await run.done).toMatchObject({ code: 255 });
    const [wait, attach, logs] = await Promise.all(waits.map(({ done }) => done));
    expect(wait).toMatchObject({ code: 0, stdout: "255\n", stderr: "" });
    expect(logs).toMatchObject({ code: 0, stdout: "ready\n" });
    expect([255, 1]).toContain(attach?.code ?? 0);
    expect(await stop.done).toMatchObject({ code: 0 });
    expect((await exec.done).code).not.toBe(0);
    expect(await inspect()).toMatchObject(lost);
  });

  test("with --rm: the next command removes it", async () => {
    await host.ok(["run", "-d", "--rm", ...sleeper]);
    const found = row();
    await killParts(found, "monitor");
    expect(await host.ok(["ps", "-aq"])).toBe("");
    await poll("no trace", () => findTraces(host.host, found.id).length === 0);
  });

  test("of an exec session: its process dies, the container does not", async () => {
    await host.ok(["run", "-d", ...sleeper]);
    const { id, pid, monitorPid } = row();
    const command = await startAndSee(["exec", "box", "/payload", "sleep"], "ready");
    const [monitor = 0] = findProcesses("plan", id).filter((found) => found !== monitorPid);
    process.kill(monitor, "SIGKILL");
    expect(await command.done).toMatchObject({ code: 255 });
    await poll("its process to be gone", () => host.host.cgroups.pids(row(id)).length === 1);
    expect(await inspect()).toMatchObject({ status: "running", pid, execIds: [] });
  });
});

describe("the container's process is killed", () => {
  test("its end is recorded, by the hook", async () => {
    await host.ok(["run", "-d", ...sleeper]);
    const found = row();
    await killParts(found, "init");
    await poll("the record", () => row().status === "exited");
    expect(row()).toMatchObject({ exitCode: 137, error: "", pid: 0 });
    await endsWithoutTrace(found.id);
  });

  test("its end is recorded, by the attached command", async () => {
    const run = await startAndSee(["run", ...sleeper], "ready");
    await killParts(row(), "init");
    expect(await run.done).toMatchObject({ code: 137 });
    expect(row()).toMatchObject({ status: "exited", exitCode: 137 });
  });

  test("and its monitor, in either order, with the attached command", async () => {
    for (const order of [
      ["monitor", "init"],
      ["init", "monitor"],
    ] as const) {
      const run = await startAndSee(["run", ...sleeper], "ready");
      const found = row();
      run.child.kill("SIGKILL");
      await killParts(found, ...order);
      await run.done;
      const { status, exitCode } = await inspect();
      expect(status).toBe("exited");
      expect([137, 255]).toContain(exitCode ?? 0);
      await endsWithoutTrace(found.id);
      await goesWithoutTrace(found.id);
    }
  });

  test("of several containers, all of everything: one command tells of all", async () => {
    const commands = await Promise.all(
      numbers(6).map((index) => startAndSee(["run", "--name", `box-${index}`, "payload", "sleep"], "ready")),
    );
    const rows = numbers(6).map((index) => row(`box-${index}`));
    for (const { child } of commands) child.kill("SIGKILL");
    for (const found of rows) await killParts(found, "monitor", "init");
    expect(await host.ok(["ps", "-q"])).toBe("");
    expect(rows.map(({ id }) => getContainer(host.host.store, id)).map((now) => now?.status)).toEqual(numbers(6).map(() => "exited"));
    for (const { id } of rows) await endsWithoutTrace(id);
    await host.ok(["start", ...rows.map(({ id }) => id)]);
    expect((await host.ok(["ps", "-q"])).split("\n")).toHaveLength(6);
  });
});

describe("the exit hook", () => {
  test.each(["/bin/false", "/no/such/program"])("is %s: the next command finds the end", async (program) => {
    const containers = new LocalContainerService({ ...host.host, exitHook: [program] }, () => Promise.reject(new Error("no base")));
    const { id } = await containers.create({ image: "payload", name: "box", command: ["exit", "5"] });
    await containers.start(id);
    await poll("its monitor to be gone", () => findProcesses("plan", id).length === 0);
    expect(await inspect()).toMatchObject({ status: "exited", exitCode: 5, error: "" });
    await endsWithoutTrace(id);
  });
});
