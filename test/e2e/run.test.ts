// `wherry run` as docker run: what is run, exit codes, names, files it writes, detaching.
import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("run", { payload: true });

const run = (...args: readonly string[]) => host.wherry(["run", "--rm", ...args]);
const names = async () => (await host.ok(["ps", "-a", "--format", "{{.Names}}"])).split("\n").filter((name) => name !== "");
const importWith = async (reference: string, ...changes: readonly string[]) => {
  await host.ok(["import", ...changes.flatMap((change) => ["--change", change]), `${host.directory}/payload.tar`, reference]);
};
const argvOf = async (...args: readonly string[]) => (JSON.parse((await run(...args)).stdout) as { argv: readonly string[] }).argv;

describe("what is run", () => {
  test("the image's entrypoint, followed by its command or by the one given", async () => {
    await importWith("both", 'ENTRYPOINT ["/payload", "identity"]', 'CMD ["from", "image"]');
    expect(await argvOf("both")).toEqual(["identity", "from", "image"]);
    expect(await argvOf("both", "given")).toEqual(["identity", "given"]);
    // Options end at the image: what looks like one belongs to the command.
    expect(await argvOf("both", "--rm", "-d", "--")).toEqual(["identity", "--rm", "-d", "--"]);
  });

  test("--entrypoint replaces the image's, and the image's command goes with it", async () => {
    await importWith("both2", 'ENTRYPOINT ["/nosuch"]', 'CMD ["from", "image"]');
    expect((await run("--entrypoint", "/payload", "both2")).code).toBe(64);
    expect(await argvOf("--entrypoint", "/payload", "both2", "identity", "x")).toEqual(["identity", "x"]);
  });

  test('--entrypoint "" resets it', async () => {
    expect(await argvOf("--entrypoint", "", "payload", "/payload", "identity")).toEqual(["identity"]);
    expect(await run("--entrypoint", "", "payload")).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/^wherry: no command specified.*\n$/),
    });
  });

  test("a command in shell form through the image's shell", async () => {
    const archive = `${host.directory}/payload.tar`;
    await host.ok(["import", "--change", "CMD echo not here", archive, "shell"]);
    expect(await host.ok(["inspect", "--format", "{{json .Config.Cmd}}", "shell"])).toBe('["/bin/sh","-c","echo not here"]');
  });

  test("programs are looked for in the container's PATH, in order", async () => {
    expect((await run("-e", "PATH=/nowhere:/bin", "base", "echo", "x")).stdout).toBe("x\n");
    expect(await run("-e", "PATH=/nowhere", "base", "echo", "x")).toMatchObject({ code: 127 });
  });
});

describe("exit codes", () => {
  test.each([0, 1, 7, 125, 255])("%d of the process is passed on", async (code) => {
    expect(await run("payload", "exit", String(code))).toMatchObject({ code, stdout: "", stderr: "" });
  });
  test("128 + n when signal n ended it", async () => {
    // Not as PID 1 of a namespace, which its own signals don't kill.
    expect((await run("--pid", "host", "payload", "die", "15")).code).toBe(143);
  });
  test("137 when it was killed from outside", async () => {
    const running = host.start(["run", "--rm", "--name", "victim", "payload", "sleep"]);
    await poll("it is ready", () => running.stdout.includes("ready"));
    await host.ok(["kill", "victim"]);
    expect((await running.done).code).toBe(137);
  });
  test("127 for a missing program, named", async () => {
    expect(await run("base", "nosuch")).toMatchObject({
      code: 127,
      stderr: 'wherry: exec: "nosuch": executable file not found in $PATH\n',
    });
    expect(await run("base", "/no/such")).toMatchObject({
      code: 127,
      stderr: expect.stringMatching(/^wherry: .*`?"?\/no\/such"?`?.*no such file or directory\n$/),
    });
  });
  test("126 for one that can't be executed, named", async () => {
    expect(await run("base", "/etc/passwd")).toMatchObject({
      code: 126,
      stderr: expect.stringMatching(/^wherry: .*\/etc\/passwd.*permission denied\n$/),
    });
    expect(await run("base", "/etc")).toMatchObject({ code: 126 });
  });
  test("125 for a mistake in the options", async () => {
    expect((await run("--no-such-flag", "base")).code).toBe(125);
    expect((await run("--memory", "much", "base")).code).toBe(125);
    expect((await run("--network", "mars", "base")).code).toBe(125);
    expect((await run("nosuchimage")).code).toBe(125);
  });
  test("a program that could not be started leaves a created container, as docker's does", async () => {
    expect((await host.wherry(["run", "--name", "stillborn", "base", "nosuch"])).code).toBe(127);
    expect(await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "stillborn"])).toBe("created 127");
    await host.ok(["rm", "stillborn"]);
  });
});

describe("--rm", () => {
  test("removes the container at its end, foreground and detached", async () => {
    await host.ok(["run", "--rm", "--name", "fleeting", "base", "true"]);
    expect(await names()).not.toContain("fleeting");
    const id = await host.ok(["run", "-d", "--rm", "--name", "fleeting", "base", "true"]);
    await poll("it is removed", async () => !(await names()).includes("fleeting"));
    expect(existsSync(`${host.root}/containers/${id}`)).toBe(false);
  });
  test("without it the container stays, exited", async () => {
    expect((await host.wherry(["run", "--name", "stays", "payload", "exit", "3"])).code).toBe(3);
    expect(await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "stays"])).toBe("exited 3");
    await host.ok(["rm", "stays"]);
  });
});

describe("--name", () => {
  test("is made up, of two words, when none is given", async () => {
    const id = await host.ok(["run", "-d", "base", "true"]);
    expect(await host.ok(["inspect", "--format", "{{.Name}}", id])).toMatch(/^\/[a-z]+_[a-z]+$/);
    await host.ok(["rm", "-f", id]);
  });
  test("that is taken is refused with what holds it and the remedy", async () => {
    const id = await host.ok(["create", "--name", "taken", "base"]);
    const second = await run("--name", "taken", "base", "true");
    expect(second).toMatchObject({ code: 125, stdout: "" });
    expect(second.stderr).toContain('"/taken" is already in use');
    expect(second.stderr).toContain(id.slice(0, 12));
    expect(second.stderr).toContain("remove (or rename)");
    await host.ok(["rm", "taken"]);
    await host.ok(["run", "--rm", "--name", "taken", "base", "true"]);
  });
  test.each(["a", "-x", "a b", "ä1", "a/b", ".hidden"])("%s is refused", async (name) => {
    const before = await names();
    const result = await host.wherry(["run", `--name=${name}`, "base", "true"]);
    expect(result).toMatchObject({ code: 125, stdout: "" });
    expect(result.stderr).toContain("only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(await names()).toEqual(before);
  });
});

describe("--cidfile", () => {
  test("holds the full id; one that exists is refused and left alone", async () => {
    const file = `${host.directory}/cid`;
    const id = await host.ok(["run", "-d", "--cidfile", file, "base", "true"]);
    expect(readFileSync(file, "utf8")).toBe(id);
    const again = await run("--cidfile", file, "base", "true");
    expect(again.code).toBe(125);
    expect(again.stderr).toContain("container ID file found");
    expect(readFileSync(file, "utf8")).toBe(id);
    await host.ok(["rm", "-f", id]);
  });
  test("is gone again when no container was made", async () => {
    expect((await run("--cidfile", `${host.directory}/none`, "nosuchimage")).code).toBe(125);
    expect(existsSync(`${host.directory}/none`)).toBe(false);
  });
});

test("--label, --label-file and the image's labels are joined, the command line's winning", async () => {
  await importWith("labelled", "LABEL a=image b=image", 'ENTRYPOINT ["/payload"]');
  const file = `${host.directory}/labels`;
  await Bun.write(file, "# comment\nb=file\nc=file\n");
  const id = await host.ok(["create", "--label-file", file, "-l", "c=flag", "--label", "d", "labelled"]);
  expect(JSON.parse(await host.ok(["inspect", "--format", "{{json .Config.Labels}}", id]))).toEqual({
    a: "image",
    b: "file",
    c: "flag",
    d: "",
  });
  await host.ok(["rm", id]);
});

describe("-d", () => {
  test("prints the id and returns at once, also where the shell waits for the pipe to close", async () => {
    const script = 'x=$("$@"); echo "id:$x"';
    const started = performance.now();
    const shell = await new RunningProgram("sh", ["-c", script, "sh", wherryProgram, ...host.selection, "run", "-d", "payload", "sleep"])
      .done;
    expect(performance.now() - started).toBeLessThan(5_000);
    const id = /^id:([0-9a-f]{64})\n$/.exec(shell.stdout)?.[1] ?? "";
    expect(await host.ok(["inspect", "--format", "{{.State.Running}}", id])).toBe("true");
    await host.ok(["rm", "-f", id]);
  });
  test("tells at once that the program is missing", async () => {
    expect(await host.wherry(["run", "-d", "--rm", "base", "nosuch"])).toMatchObject({ code: 127, stdout: "" });
  });
  test("conflicts with -a", async () => {
    expect(await host.wherry(["run", "-d", "-a", "stdout", "base", "true"])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("cannot specify both --attach and --detach"),
    });
  });
});

describe("streams", () => {
  test("-i passes standard input and its end; without it there is none", async () => {
    expect(await host.wherry(["run", "--rm", "-i", "payload", "copy"], { stdin: "in\n" })).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await host.wherry(["run", "--rm", "payload", "copy"], { stdin: "in\n" })).toMatchObject({ code: 0, stdout: "" });
  });
  test("-a chooses: what is not attached is not shown, but logged", async () => {
    const result = await host.wherry(["run", "--name", "chosen", "-a", "stderr", "payload", "interleave", "2"]);
    expect(result.stdout).toBe("");
    expect(result.stderr).not.toBe("");
    expect(await host.ok(["logs", "chosen"])).not.toBe("");
    await host.ok(["rm", "chosen"]);
  });
  test("a name given twice runs once", async () => {
    const results = await Promise.all([1, 2, 3].map(() => run("--name", "race", "payload", "exit", "0")));
    for (const result of results) expect([0, 125]).toContain(result.code ?? -1);
    expect(results.some(({ code }) => code === 0)).toBe(true);
  });
});

describe("--sig-proxy", () => {
  test("hands signals on to the process", async () => {
    const running = host.start(["run", "--rm", "payload", "signals"]);
    await poll("it is ready", () => running.stdout.includes("ready"));
    running.child.kill("SIGUSR1");
    await poll("SIGUSR1 arrives", () => running.stdout.includes("10\n"));
    running.child.kill("SIGHUP");
    await poll("SIGHUP arrives", () => running.stdout.includes("\n1\n"));
    running.child.kill("SIGQUIT");
    await poll("SIGQUIT arrives", () => running.stdout.includes("\n3\n"));
    running.child.kill("SIGTERM");
    expect((await running.done).code).toBe(0);
  });
  test("=false: the client ends by the signal, the container runs on", async () => {
    const running = host.start(["run", "--name", "unproxied", "--sig-proxy=false", "payload", "sleep"]);
    await poll("it is ready", () => running.stdout.includes("ready"));
    running.child.kill("SIGTERM");
    expect((await running.done).code).not.toBe(0);
    expect(await host.ok(["inspect", "--format", "{{.State.Running}}", "unproxied"])).toBe("true");
    await host.ok(["rm", "-f", "unproxied"]);
  });
});
