// `logs`: both streams, what to show of them, following, and that a log can't fill the disk.
import { describe, expect } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("logs", { payload: true });

const logs = (...args: readonly string[]) => host.wherry(["logs", ...args]);

describe("logs", () => {
  test("gives both streams back as they were", async () => {
    await host.wherry(["run", "--name", "both", "base", "sh", "-c", "echo out; echo err >&2; printf part; exit 3"]);
    expect(await logs("both")).toMatchObject({ code: 0, stdout: "out\npart", stderr: "err\n" });
    await host.ok(["rm", "both"]);
  });
  test("-t puts a time before each line, in UTC with nanoseconds", async () => {
    const before = Date.now();
    await host.ok(["run", "--name", "timed", "base", "sh", "-c", "echo one; echo two"]);
    const lines = (await logs("-t", "timed")).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      const time = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (one|two)$/.exec(line)?.[1] ?? "";
      expect(Date.parse(time)).toBeGreaterThanOrEqual(before - 1);
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    }
    await host.ok(["rm", "timed"]);
  });
  test("--tail shows the last lines; 0 none, more than there are all", async () => {
    await host.ok(["run", "--name", "tail", "base", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; done"]);
    expect((await logs("--tail", "2", "tail")).stdout).toBe("4\n5\n");
    expect((await logs("-n", "0", "tail")).stdout).toBe("");
    expect((await logs("--tail", "99", "tail")).stdout).toBe("1\n2\n3\n4\n5\n");
    expect((await logs("--tail", "all", "tail")).stdout).toBe("1\n2\n3\n4\n5\n");
    expect((await logs("--tail", "x", "tail")).code).not.toBe(0);
    await host.ok(["rm", "tail"]);
  });
  test("--since and --until take a time, or how long ago", async () => {
    await host.ok([
      "run",
      "-d",
      "--name",
      "when",
      "base",
      "sh",
      "-c",
      "echo early; while [ ! -e /go ]; do sleep 0.02; done; echo late; exec sleep 1000",
    ]);
    await poll("the first line", async () => (await logs("when")).stdout === "early\n");
    const between = new Date(Date.now() + 1).toISOString();
    await host.ok(["exec", "when", "touch", "/go"]);
    await poll("the second line", async () => (await logs("when")).stdout === "early\nlate\n");
    expect((await logs("--since", between, "when")).stdout).toBe("late\n");
    expect((await logs("--until", between, "when")).stdout).toBe("early\n");
    expect((await logs("--since", "1h", "when")).stdout).toBe("early\nlate\n");
    expect((await logs("--until", "1h", "when")).stdout).toBe("");
    expect((await logs("--since", String(Date.parse(between) / 1000), "when")).stdout).toBe("late\n");
    expect((await logs("--since", "yesterday", "when")).code).not.toBe(0);
    await host.ok(["rm", "-f", "when"]);
  });
  test("of one that was never started, and of a missing one", async () => {
    await host.ok(["create", "--name", "never", "base"]);
    expect(await logs("never")).toMatchObject({ code: 0, stdout: "" });
    expect(await logs("-f", "never")).toMatchObject({ code: 0, stdout: "" });
    expect(await logs("missing")).toMatchObject({ code: 1, stderr: "wherry: No such container: missing\n" });
    await host.ok(["rm", "never"]);
  });
  test("of one that keeps none is an error that says so", async () => {
    await host.ok(["run", "--name", "unkept", "--log-driver", "none", "base", "echo", "x"]);
    expect(await logs("unkept")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("configured logging driver does not support reading"),
    });
    await host.ok(["rm", "unkept"]);
  });
  test("joins the runs of a restarted container", async () => {
    await host.ok(["run", "--name", "runs", "base", "echo", "x"]);
    await host.ok(["start", "-a", "runs"]);
    expect((await logs("runs")).stdout).toBe("x\nx\n");
    await host.ok(["rm", "runs"]);
  });
});

describe("logs -f", () => {
  test("follows until the end of the container", async () => {
    await host.ok([
      "run",
      "-d",
      "--name",
      "followed",
      "base",
      "sh",
      "-c",
      "echo one; while [ ! -e /go ]; do sleep 0.02; done; echo two >&2; echo three",
    ]);
    const following = host.start(["logs", "-f", "followed"]);
    await poll("the first line", () => following.stdout === "one\n");
    await host.ok(["exec", "followed", "touch", "/go"]);
    expect(await following.done).toMatchObject({ code: 0, stdout: "one\nthree\n", stderr: "two\n" });
    expect(await logs("-f", "--tail", "1", "followed")).toMatchObject({ code: 0 });
    await host.ok(["rm", "followed"]);
  });
  test("misses nothing across rotations", async () => {
    // About 25 MB of log: two rotations, and no file is given up.
    const lines = 25_000;
    await host.ok([
      "run",
      "-d",
      "--name",
      "rotating",
      "base",
      "sh",
      "-c",
      `while [ ! -e /go ]; do sleep 0.02; done; seq 1 ${lines} | sed "s/$/ $(head -c 1000 /dev/zero | tr '\\0' x)/"`,
    ]);
    const following = host.start(["logs", "-f", "rotating"], { timeoutMs: 60_000 });
    await host.ok(["exec", "rotating", "touch", "/go"]);
    const { stdout } = await following.done;
    const numbers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => Number.parseInt(line, 10));
    expect(numbers.length).toBe(lines);
    expect(numbers.every((number, at) => number === at + 1)).toBe(true);
    await host.ok(["rm", "rotating"]);
  }, 90_000);
  test("ends at Ctrl-C, when its reader leaves, and when the container is removed", async () => {
    await host.ok(["run", "-d", "--name", "long", "base", "sh", "-c", "while :; do echo y; sleep 0.02; done"]);
    const following = host.start(["logs", "-f", "long"]);
    await poll("output", () => following.stdout !== "");
    following.child.kill("SIGINT");
    const interrupted = await following.done;
    expect(interrupted.signal ?? interrupted.code).not.toBe(0);
    const piped = await new RunningProgram("sh", ["-c", `"$@" | head -n 2`, "sh", wherryProgram, ...host.selection, "logs", "-f", "long"], {
      timeoutMs: 20_000,
    }).done;
    expect(piped.stdout).toBe("y\ny\n");
    const last = host.start(["logs", "-f", "long"]);
    await poll("output", () => last.stdout !== "");
    await host.ok(["rm", "-f", "long"]);
    expect((await last.done).signal).toBe(null);
  });
});

test("a log is bounded: the oldest goes", async () => {
  const id = await host.ok([
    "create",
    "base",
    "sh",
    "-c",
    "yes 0123456789012345678901234567890123456789 | head -c 60000000; echo; echo last",
  ]);
  await host.ok(["start", id]);
  await host.ok(["wait", id]);
  const directory = `${host.root}/containers/${id}`;
  const files = readdirSync(directory).filter((name) => name.startsWith("log"));
  const bytes = files.reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
  expect(files.length).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(31_000_000);
  expect(bytes).toBeGreaterThan(15_000_000);
  expect((await logs("--tail", "1", id)).stdout).toBe("last\n");
  await host.ok(["rm", id]);
}, 60_000);
