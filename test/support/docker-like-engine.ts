import { expect, type test as bunTest } from "bun:test";
import { existsSync } from "node:fs";
import { poll } from "./poll.ts";
import { TerminalProgram } from "./terminal-program.ts";
import { RunningProgram, type RunOptions, type RunResult } from "./wherry-process.ts";

/** An engine with docker's command line that runs its containers by `wherry-runc`. */
export interface DockerLikeEngine {
  /** Program and global arguments. */
  readonly command: readonly string[];
  /** What `run` needs on such a machine. */
  readonly runFlags: readonly string[];
  readonly image: string;
  /** The engine's words for a container's runtime. */
  readonly runtimeOf: (inspected: Readonly<Record<string, unknown>>) => unknown;
}

/** Defines the tests that every such engine must pass, with Wherry as its runtime. */
export function testDockerLikeEngine(test: typeof bunTest, engine: () => DockerLikeEngine): void {
  const call = (args: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    const [program = "", ...globals] = engine().command;
    return new RunningProgram(program, [...globals, ...args], options).done;
  };
  const ok = async (args: readonly string[], options: RunOptions = {}): Promise<string> => {
    const result = await call(args, options);
    if (result.code !== 0) throw new Error(`${args.join(" ")}: exit code ${result.code}\n${result.stderr}${result.stdout}`);
    return result.stdout.trim();
  };
  const run = (flags: readonly string[], command: readonly string[], options: RunOptions = {}) =>
    call(["run", "--rm", ...engine().runFlags, ...flags, engine().image, ...command], options);
  const start = (name: string, command: readonly string[], flags: readonly string[] = []) =>
    ok(["run", "-d", "--name", name, ...engine().runFlags, ...flags, engine().image, ...command]);
  const terminal = (args: readonly string[]) => new TerminalProgram([...engine().command, ...args]);
  const inspect = async (name: string) => (JSON.parse(await ok(["inspect", name])) as [Record<string, unknown>])[0];

  test("run: streams and exit code", async () => {
    expect(await run(["-i"], ["sh", "-c", "cat; echo err >&2; exit 3"], { stdin: "through\n" })).toMatchObject({
      code: 3,
      stdout: "through\n",
      stderr: expect.stringContaining("err\n"),
    });
    expect((await run([], ["/nosuch"])).code).toBe(127);
    expect((await run([], ["nosuch"])).code).toBe(127);
    expect((await run([], ["/etc"])).code).toBe(126);
  });

  test("run -it: a terminal", async () => {
    await using program = terminal(["run", "--rm", "-it", ...engine().runFlags, engine().image, "sh"]);
    program.type("tty; ls -l /dev/console; exit 6\r");
    await program.sees(/\/dev\/pts\/0/);
    expect(await program.exited).toBe(6);
  });

  test("run: user, directory, environment, mounts, limits, capabilities", async () => {
    const script = "id -u; pwd; echo $A; grep CapEff /proc/self/status; echo x > /x || echo read-only; mount | grep -c ' on /t '";
    const flags = ["--read-only", "--tmpfs", "/t", "-u", "1000:1000", "-w", "/bin", "-e", "A=b", "--cap-drop", "ALL"];
    const { stdout } = await run([...flags, "--memory", "50m", "--pids-limit", "30"], ["sh", "-c", script]);
    expect(stdout).toMatch(/^1000\n\/bin\nb\nCapEff:\t0000000000000000\nread-only\n1\n$/);
  });

  test("exec, top, pause, stop, start, kill, rm of a running container", async () => {
    const script = 'trap "echo term; exit 9" TERM; echo started; while true; do sleep 0.1; done';
    await start("life", ["sh", "-c", script]);
    expect(engine().runtimeOf(await inspect("life"))).toMatch(/wherry/);
    await poll("it has started", async () => (await ok(["logs", "life"])).includes("started"));
    expect(await call(["exec", "-i", "life", "sh", "-c", "cat; exit 4"], { stdin: "in\n" })).toMatchObject({ code: 4, stdout: "in\n" });
    expect((await call(["exec", "life", "/nosuch"])).code).not.toBe(0);
    const program = terminal(["exec", "-it", "life", "sh"]);
    program.type("tty; exit 5\r");
    await program.sees(/\/dev\/pts\/\d/);
    expect(await program.exited).toBe(5);
    await program[Symbol.asyncDispose]();
    await ok(["exec", "-d", "life", "sleep", "1000"]);
    await poll("the second process", async () => (await ok(["top", "life"])).includes("sleep 1000"));
    await ok(["pause", "life"]);
    expect(JSON.stringify(await inspect("life"))).toContain('"Status":"paused"');
    await ok(["unpause", "life"]);
    await ok(["stop", "-t", "10", "life"]);
    expect(await inspect("life")).toMatchObject({ State: { ExitCode: 9, Status: "exited" } });
    expect(await ok(["logs", "life"])).toContain("term");
    await ok(["start", "life"]);
    await ok(["kill", "life"]);
    await poll("it has ended", async () => JSON.stringify(await inspect("life")).includes('"Status":"exited"'));
    expect(await inspect("life")).toMatchObject({ State: { ExitCode: 137 } });
    await ok(["rm", "-f", "life"]);
  });

  test("rm -f ends a running container, and its process is gone", async () => {
    // Some ask with the stop signal first, which PID 1 does not hear.
    await start("doomed", ["sleep", "1000"], ["--stop-signal", "KILL"]);
    const { State: state } = (await inspect("doomed")) as { State: { Pid: number } };
    expect(existsSync(`/proc/${state.Pid}`)).toBe(true);
    await ok(["rm", "-f", "doomed"]);
    await poll("its process is gone", () => !existsSync(`/proc/${state.Pid}`));
  });

  test("a container joins another one's network and pid namespaces", async () => {
    await start("host", ["sleep", "1000"], ["--stop-signal", "KILL"]);
    const joined = ["--network", "container:host", "--pid", "container:host"];
    const flags = engine().runFlags.join(" ").replace("--network none", "").split(" ").filter(Boolean);
    const shown = await ok(["run", "--rm", ...flags, ...joined, engine().image, "sh", "-c", "grep -a sleep /proc/1/cmdline && echo $$"]);
    expect(shown).toMatch(/sleep.*1000.*\n[2-9]$/s);
    await ok(["rm", "-f", "host"]);
  });
}
