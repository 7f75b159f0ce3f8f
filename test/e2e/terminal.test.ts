// `-t` and `-i -t`: a terminal inside, ours raw meanwhile, its size, the detach keys.
import { describe, expect } from "bun:test";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("terminal", { payload: true });

const isRunning = async (name: string) => (await host.ok(["inspect", "--format", "{{.State.Running}}", name])) === "true";

describe("run -it", () => {
  test("gives a terminal of our size on all three descriptors, and TERM", async () => {
    await using program = host.terminal(["run", "--rm", "-it", "payload", "terminal"], { rows: 31, columns: 97 });
    await program.sees("1 1 1 31x97\r\n");
    expect(await program.exited).toBe(0);
    await using shell = host.terminal(["run", "--rm", "-it", "base", "sh", "-c", "echo $TERM; stty size; tty"], { rows: 20, columns: 60 });
    await shell.sees("xterm\r\n20 60\r\n/dev/pts/0\r\n");
    expect(await shell.exited).toBe(0);
  });

  test("passes resizing on", async () => {
    await using program = host.terminal(["run", "--rm", "-it", "payload", "terminal", "2"], { rows: 24, columns: 80 });
    await program.sees("24x80");
    program.resize({ rows: 40, columns: 120 });
    await program.sees("40x120");
    program.resize({ rows: 10, columns: 20 });
    await program.sees("10x20");
    expect(await program.exited).toBe(0);
  });

  test("is a shell as one expects: echo, editing keys, Ctrl-C, Ctrl-D, its exit code", async () => {
    await using program = host.terminal(["run", "--rm", "-it", "base", "sh"]);
    await program.sees("# ");
    program.type("echo one$((1+1))three\r");
    await program.sees("one2three\r\n");
    program.type("sh -c 'echo re''ady; exec sleep 1000'\r");
    await program.sees("ready\r\n");
    program.type("\x03");
    await program.sees(/\^C\r\n.*# /s);
    program.type("echo code $?\r");
    await program.sees("code 130\r\n");
    program.type("(exit 9)\r\x04");
    expect(await program.exited).toBe(9);
  });

  test("gives our terminal back as it was, after an end and after a failed start", async () => {
    for (const [command, code] of [
      ["run --rm -it base sh -c 'exit 4'", 4],
      ["run --rm -it base nosuch", 127],
      ["run --rm -it nosuchimage", 125],
    ] as const) {
      const line = `before=$(stty -g); ${[wherryProgram, ...host.selection].join(" ")} ${command}; code=$?; [ "$before" = "$(stty -g)" ] && echo same $code`;
      await using program = new TerminalProgram(["sh", "-c", line]);
      await program.sees(`same ${code}`);
    }
  });

  test("detaches at ctrl-p ctrl-q, and the container runs on", async () => {
    await using program = host.terminal(["run", "-it", "--name", "left", "payload", "sleep"]);
    await program.sees("ready");
    program.type("\x10\x11");
    expect(await program.exited).toBe(0);
    expect(await isRunning("left")).toBe(true);
    await host.ok(["rm", "-f", "left"]);
  });

  test("attach has the prompt drawn again, each time, also in a terminal of the same size", async () => {
    await host.ok(["run", "-dit", "--name", "prompt", "base", "sh"]);
    for (const _ of [1, 2]) {
      await using program = host.terminal(["attach", "prompt"], { rows: 24, columns: 80 });
      await program.sees("# ");
      program.type("\x10\x11");
      expect(await program.exited).toBe(0);
    }
    expect(await host.ok(["exec", "prompt", "sh", "-c", "stty -F /dev/pts/0 size 2>/dev/null || stty size < /dev/pts/0"])).toBe("24 80");
    await host.ok(["rm", "-f", "prompt"]);
  });

  test("--detach-keys replaces them; what only begins like them reaches the process", async () => {
    await using program = host.terminal(["run", "-it", "--name", "keys", "--detach-keys", "ctrl-x,y", "base", "cat", "-v"]);
    await poll("it runs", () => isRunning("keys"));
    program.type("\x10\x02a\x18b\r");
    await program.sees(/\^P\^Ba\^Xb/);
    program.type("\x18y");
    expect(await program.exited).toBe(0);
    expect(await isRunning("keys")).toBe(true);
    await host.ok(["rm", "-f", "keys"]);
  });

  test("config.json's detachKeys are the usual ones", async () => {
    await Bun.write(`${host.directory}/docker/config.json`, '{"detachKeys": "ctrl-x"}');
    const env = { DOCKER_CONFIG: `${host.directory}/docker` };
    await using program = host.terminal(["run", "-it", "--name", "usual", "base", "cat", "-v"], { env });
    await poll("it runs", () => isRunning("usual"));
    program.type("\x10\x11b\r");
    // The terminal inside keeps ctrl-q to itself.
    await program.sees("^Pb");
    program.type("\x18");
    expect(await program.exited).toBe(0);
    expect(await isRunning("usual")).toBe(true);
    await host.ok(["rm", "-f", "usual"]);
  });

  test("is ended by `stop` from elsewhere, with the terminal restored", async () => {
    await using program = host.terminal(["run", "--rm", "-it", "--name", "elsewhere", "--stop-signal", "KILL", "payload", "sleep"]);
    await program.sees("ready");
    await host.ok(["stop", "elsewhere"]);
    expect(await program.exited).toBe(137);
  });
});

describe("run -t", () => {
  test("without -i needs no terminal of ours; output has terminal line ends, both streams are one", async () => {
    const result = await host.wherry(["run", "--rm", "-t", "base", "sh", "-c", "echo out; echo err >&2; tty"]);
    expect(result).toMatchObject({ code: 0, stdout: "out\r\nerr\r\n/dev/pts/0\r\n", stderr: "" });
  });
  test("with -i and no terminal is refused as docker does", async () => {
    const result = await host.wherry(["run", "--rm", "-it", "base", "true"], { stdin: "" });
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("the input device is not a TTY") });
  });
  test("-d: nobody is attached, the terminal is there all the same", async () => {
    const id = await host.ok(["run", "-dt", "payload", "terminal"]);
    expect(await host.ok(["wait", id])).toBe("0");
    expect(await host.ok(["logs", id])).toMatch(/^1 1 1 \d+x\d+\r?$/);
    await host.ok(["rm", id]);
  });
});
