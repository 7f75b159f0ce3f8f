// `attach`: joining a container that runs.
import { describe, expect } from "bun:test";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("attach", { payload: true });

const isRunning = async (name: string) => (await host.ok(["inspect", "--format", "{{.State.Running}}", name])) === "true";
/** One that answers each line on both streams, with its number. */
const parrot = [
  "base",
  "sh",
  "-c",
  'n=0; while read line; do n=$((n+1)); echo "$n $line"; echo "$n err" >&2; [ "$line" = end ] && exit 7; done; echo eof; sleep 1000',
];

describe("run whose caller has closed its streams", () => {
  test("has no input, and its output goes nowhere", async () => {
    const closed = async (redirect: string, ...args: readonly string[]) =>
      new RunningProgram("sh", ["-c", `exec "$0" "$@" ${redirect}`, wherryProgram, ...host.selection, "run", "--rm", "-i", "base", ...args])
        .done;
    expect(await closed("<&-", "sh", "-c", "cat; echo end")).toMatchObject({ code: 0, stdout: "end\n", stderr: "" });
    expect(await closed("<&- >&- 2>&-", "sh", "-c", "cat; echo out; exit 3")).toMatchObject({ code: 3, stdout: "", stderr: "" });
    expect(await host.ok(["ps", "-aq"])).toBe("");
  }, 20_000);
});

describe("run -a", () => {
  test("stdin alone: the id, and back when all is handed over; the process goes on", async () => {
    const { code, stdout, stderr } = await host.wherry(
      ["run", "-i", "-a", "stdin", "--name", "fed", "base", "sh", "-c", "cat; echo done; sleep 1000"],
      {
        stdin: "all of it\n",
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`${await host.ok(["inspect", "-f", "{{.Id}}", "fed"])}\n`);
    await poll("its output", async () => (await host.ok(["logs", "fed"])) === "all of it\ndone");
    expect(await isRunning("fed")).toBe(true);
    await host.ok(["rm", "-f", "fed"]);
  });
});

describe("attach", () => {
  test("shows output from then on, passes input, and the exit code at the end", async () => {
    await host.ok(["run", "-di", "--name", "parrot", ...parrot]);
    const first = host.start(["attach", "parrot"], { openStdin: true });
    first.child.stdin?.write("one\n");
    await poll("an answer", () => first.stdout === "1 one\n" && first.stderr === "1 err\n");
    const second = host.start(["attach", "parrot"], { openStdin: true });
    // It is attached once what it types is answered.
    second.child.stdin?.write("two\n");
    await poll("both hear", () => first.stdout.endsWith("2 two\n") && second.stdout.endsWith("2 two\n"));
    expect(second.stdout).toBe("2 two\n");
    first.child.stdin?.write("end\n");
    expect(await first.done).toMatchObject({ code: 7, stdout: "1 one\n2 two\n3 end\n" });
    expect((await second.done).code).toBe(7);
    await host.ok(["rm", "parrot"]);
  });

  test("a client's end of input is not the process's, unless that was made to be attached", async () => {
    await host.ok(["run", "-di", "--name", "several", ...parrot]);
    for (const count of [1, 2]) {
      const typing = host.start(["attach", "several"], { openStdin: true });
      typing.child.stdin?.end("x\n");
      await poll("an answer", () => typing.stdout === `${count} x\n`);
      typing.child.kill("SIGKILL");
      await typing.done;
    }
    expect(await host.ok(["logs", "several"])).not.toContain("eof");
    // As docker: `create -i` and `run -i` without -d.
    await host.ok(["create", "-i", "--name", "once", ...parrot]);
    await host.ok(["start", "once"]);
    const only = host.start(["attach", "once"], { stdin: "x\n" });
    await poll("the end of input", () => only.stdout === "1 x\neof\n");
    await host.ok(["rm", "-f", "several", "once"]);
  });

  test("signals go to the process; --sig-proxy=false leaves it alone", async () => {
    await host.ok(["run", "-d", "--name", "signalled", "payload", "signals"]);
    const attached = host.start(["attach", "signalled"]);
    await host.ok(["kill", "-s", "USR1", "signalled"]);
    // Until the answer to a signal is heard it may not be attached yet.
    await poll(
      "it is attached",
      async () => {
        await host.ok(["kill", "-s", "USR1", "signalled"]);
        return attached.stdout.includes("10\n");
      },
      { intervalMs: 50 },
    );
    attached.child.kill("SIGUSR2");
    await poll("SIGUSR2 arrives", () => attached.stdout.includes("12\n"));
    const deaf = host.start(["attach", "--sig-proxy=false", "signalled"]);
    await poll(
      "it is attached",
      async () => {
        await host.ok(["kill", "-s", "USR1", "signalled"]);
        return deaf.stdout.includes("10\n");
      },
      { intervalMs: 50 },
    );
    deaf.child.kill("SIGTERM");
    await deaf.done;
    expect(attached.stdout).not.toContain("15\n");
    expect(await isRunning("signalled")).toBe(true);
    await host.ok(["rm", "-f", "signalled"]);
    expect((await attached.done).code).toBe(137);
  });

  test("to a terminal: its size follows ours, the detach keys leave it, another attach comes back", async () => {
    await host.ok(["run", "-dit", "--name", "term", "base", "sh"]);
    await using first = host.terminal(["attach", "term"], { rows: 41, columns: 132 });
    first.type("stty size\r");
    await first.sees("41 132\r\n");
    first.type("x=kept\r\x10\x11");
    expect(await first.exited).toBe(0);
    expect(await isRunning("term")).toBe(true);
    await using second = host.terminal(["attach", "--detach-keys", "ctrl-a,d", "term"], { rows: 22, columns: 77 });
    second.type("echo $x; stty size\r");
    await second.sees("kept\r\n22 77\r\n");
    second.type("\x01d");
    expect(await second.exited).toBe(0);
    await using third = host.terminal(["attach", "term"]);
    third.type("exit 5\r");
    expect(await third.exited).toBe(5);
    await host.ok(["rm", "term"]);
  });

  test("to one that does not run, is paused or missing is refused", async () => {
    await host.ok(["create", "--name", "resting", "base"]);
    expect(await host.wherry(["attach", "resting"])).toMatchObject({ code: 1, stderr: expect.stringContaining("start it first") });
    expect(await host.wherry(["attach", "missing"])).toMatchObject({ code: 1, stderr: "wherry: No such container: missing\n" });
    await host.ok(["rm", "resting"]);
  });

  test("a client that is killed leaves the container running", async () => {
    const client = host.start(["run", "--name", "orphan", "payload", "sleep"]);
    await poll("it runs", () => client.stdout === "ready\n");
    client.child.kill("SIGKILL");
    await client.done;
    expect(await isRunning("orphan")).toBe(true);
    const again = host.start(["attach", "orphan"]);
    await host.ok(["stop", "-t", "0", "orphan"]);
    expect([137, 1]).toContain((await again.done).code ?? 0);
    expect(await host.ok(["wait", "orphan"])).toBe("137");
    await host.ok(["rm", "orphan"]);
  });

  test("--rm holds though the client was killed", async () => {
    const client = host.start(["run", "--rm", "--name", "orphan2", "payload", "sleep"]);
    await poll("it runs", () => client.stdout === "ready\n");
    client.child.kill("SIGKILL");
    await client.done;
    await host.ok(["kill", "orphan2"]);
    await poll("it is removed", async () => (await host.ok(["ps", "-aq", "-f", "name=orphan2"])) === "");
  });
});
