import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The command line over the fake engine, as a process of its own: what is tested is what it does with pipes, signals and a terminal.
const MAIN = new URL("../../../test/fakes/fake-cli-main.ts", import.meta.url).pathname;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(args: readonly string[]): ChildProcess & { text: () => string } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  return watched(child);
}

function watched(child: ChildProcess): ChildProcess & { text: () => string } {
  children.push(child);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  return Object.assign(child, { text: () => text });
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("close", resolve));
}

async function poll(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("run without a terminal", () => {
  test("carries binary input and output unchanged", async () => {
    const input = Buffer.alloc(5_000_000);
    for (let index = 0; index < input.length; index += 1) input[index] = (index * 31 + (index >> 8)) & 0xff;
    const { stdout, status } = spawnSync(process.execPath, [MAIN, "run", "-i", "x", "cat"], { input, maxBuffer: 10_000_000 });
    expect(status).toBe(0);
    expect(createHash("sha256").update(stdout).digest("hex")).toBe(createHash("sha256").update(input).digest("hex"));
  });

  test("ends when the process does, though input is still open", async () => {
    const child = start(["run", "-i", "x", "sh", "-c", "exit 3"]);
    expect(await exitOf(child)).toBe(3);
  });

  test("ends as any program in a pipe when its reader has gone", () => {
    const { stdout } = spawnSync("bash", [
      "-c",
      `"$0" "$1" run x sh -c 'seq 200000; exit 6' | head -n 1; echo "\${PIPESTATUS[0]}"`,
      process.execPath,
      MAIN,
    ]);
    expect(stdout.toString()).toBe("1\n141\n");
  });

  test("starts with all standard streams closed", () => {
    const { status } = spawnSync("bash", ["-c", '"$0" "$1" run -i x sh -c "cat; echo x; exit 4" <&- >&- 2>&-', process.execPath, MAIN]);
    expect(status).toBe(4);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGQUIT", "SIGCONT"] as const)("hands %s on", async (signal) => {
    const child = start([
      "run",
      "x",
      "sh",
      "-c",
      `trap 'echo caught; exit 5' ${signal.slice(3)}; echo ready; while :; do sleep 0.02; done`,
    ]);
    await poll("the process", () => child.text().includes("ready"));
    child.kill(signal);
    expect(await exitOf(child)).toBe(5);
    expect(child.text()).toContain("caught");
  });

  test("hands signals on while its reader sleeps", async () => {
    const directory = mkdtempSync(join(tmpdir(), "wherry-session-"));
    const command = `trap ': > ${directory}/caught; exit 5' TERM; head -c 1000000 /dev/zero & : > ${directory}/ready; while :; do sleep 0.02; done`;
    const child = spawn(process.execPath, [MAIN, "run", "x", "sh", "-c", command], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    await poll("the process", () => existsSync(`${directory}/ready`));
    child.kill("SIGTERM");
    await poll("the signal", () => existsSync(`${directory}/caught`));
    // Only now is anything read.
    child.stdout.resume();
    expect(await exitOf(child)).toBe(5);
    rmSync(directory, { recursive: true });
  });

  test("--sig-proxy=false leaves the signal with us", async () => {
    const child = start([
      "run",
      "--sig-proxy=false",
      "x",
      "sh",
      "-c",
      "trap 'exit 5' TERM; echo ready; n=0; while [ $n -lt 200 ]; do sleep 0.02; n=$((n+1)); done",
    ]);
    await poll("the process", () => child.text().includes("ready"));
    child.kill("SIGTERM");
    const signal = await new Promise((resolve) => child.on("exit", (_code, name) => resolve(name)));
    expect(signal).toBe("SIGTERM");
  });
});

/** The same on a terminal of its own: `script` is the terminal, our writes are the keys. Prints the terminal's name first. */
function startOnTerminal(args: string): ChildProcess & { text: () => string } {
  const inner = `tty; stty rows 30 cols 100; ${process.execPath} ${MAIN} ${args}; echo "[code $?]"; stty -a | grep -o -- '-\\?icanon'`;
  return watched(spawn("script", ["-qfc", inner, "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] }));
}

describe("run on a terminal", () => {
  test("tells the size at first and after each change", async () => {
    const child = startOnTerminal("run -it x cat");
    await poll("the first size", () => child.text().includes("[size 30x100]"));
    const terminal = /\/dev\/pts\/\d+/.exec(child.text())?.[0] ?? "";
    spawnSync("stty", ["-F", terminal, "rows", "40", "cols", "132"]);
    await poll("the second size", () => child.text().includes("[size 40x132]"));
    child.stdin?.write("\x10\x11");
    await poll("the end", () => child.text().includes("[code 0]"));
  });

  test("sends control characters to the process, not to us", async () => {
    const child = startOnTerminal("run -it x cat -v");
    await poll("the session", () => child.text().includes("[size"));
    child.stdin?.write("\x03\x1a\n");
    await poll("the keys", () => child.text().includes("^C^Z"));
    child.stdin?.write("\x10\x11");
    await poll("the end", () => child.text().includes("[code 0]"));
  });

  test("detaches on the keys given, and gives the terminal back", async () => {
    const child = startOnTerminal("run -it --detach-keys ctrl-a,d x cat");
    await poll("the session", () => child.text().includes("[size"));
    child.stdin?.write("\x10\x11x\n");
    await poll("the echo", () => child.text().includes("\x10\x11x"));
    child.stdin?.write("\x01");
    child.stdin?.write("d");
    await poll("the end", () => child.text().includes("[code 0]"));
    await poll("the terminal", () => /[^-]icanon/.test(child.text()));
  });

  test("gives the terminal back when it is told to end", async () => {
    const child = startOnTerminal("run -it x sh -c 'echo pid $PPID; cat'");
    await poll("the session", () => /pid \d+/.test(child.text()));
    process.kill(Number(/pid (\d+)/.exec(child.text())?.[1]), "SIGTERM");
    await poll("the end", () => child.text().includes("[code 143]"));
    await poll("the terminal", () => /[^-]icanon/.test(child.text()));
  });

  test("without -i hands Ctrl-C on, as the terminal is not raw", async () => {
    const child = startOnTerminal("run -t x sh -c 'trap \"echo caught; exit 5\" INT; echo ready; while :; do sleep 0.02; done'");
    await poll("the session", () => child.text().includes("ready"));
    child.stdin?.write("\x03");
    await poll("the end", () => child.text().includes("caught"));
    // `script` runs the line in a shell that the signal ends, too: there is no code to see.
  });

  test("ends with the process's code", async () => {
    const child = startOnTerminal("run -it x sh -c 'exit 3'");
    await poll("the end", () => child.text().includes("[code 3]"));
    await poll("the terminal", () => /[^-]icanon/.test(child.text()));
  });
});
