// Bytes through a container: whole, unchanged, on their own stream, however slow or absent the reader.
// alone: it moves a gigabyte
import { describe, expect } from "bun:test";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("streams", { payload: true });

const payload = `${repository}/test/payload/build/payload`;
const wherry = [wherryProgram, ...host.selection].join(" ");
const shell = (line: string, timeoutMs = 60_000) => new RunningProgram("bash", ["-c", line], { timeoutMs }).done;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const state = (name: string) => host.ok(["inspect", "--format", "{{.State.Status}}", name]);

describe("run", () => {
  test("passes 1 GiB from stdin to stdout whole, and fast", async () => {
    const bytes = 1024 ** 3;
    const started = performance.now();
    const result = await shell(`${payload} pattern ${bytes} | ${wherry} run --rm -i payload copy | ${payload} sum`, 110_000);
    const seconds = (performance.now() - started) / 1000;
    expect(result).toMatchObject({ code: 0, stdout: `${bytes} bytes, 0 wrong\n`, stderr: "" });
    console.log(`1 GiB through a container: ${(1024 / seconds).toFixed(0)} MiB/s`);
  }, 120_000);

  test("leaves every byte value alone, NUL and invalid UTF-8 included, in streams and in the log", async () => {
    const input = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      randomBytes(300_000),
      Buffer.from("no newline at the end"),
    ]);
    const result = await host.wherry(["run", "-i", "--name", "bytes", "payload", "copy"], { stdin: input });
    expect(sha256(result.stdoutBytes)).toBe(sha256(input));
    expect(sha256((await host.wherry(["logs", "bytes"])).stdoutBytes)).toBe(sha256(input));
    await host.ok(["rm", "bytes"]);
  });

  test("keeps interleaved standard output and error apart, each in order", async () => {
    const lines = (word: string, from: number) => Array.from({ length: 1000 }, (_, i) => `${word} ${2 * i + from}\n`).join("");
    const result = await host.wherry(["run", "--name", "two", "payload", "interleave", "2000"]);
    expect(result).toMatchObject({ stdout: lines("out", 0), stderr: lines("err", 1) });
    expect(await host.wherry(["logs", "two"])).toMatchObject({ stdout: lines("out", 0), stderr: lines("err", 1) });
    await host.ok(["rm", "two"]);
  });

  test("delivers all output of a process that ends at once, and of what it leaves behind", async () => {
    for (let i = 0; i < 10; i++) {
      expect((await host.wherry(["run", "--rm", "payload", "pattern", "70000"])).stdoutBytes.length).toBe(70_000);
    }
    expect((await host.wherry(["run", "--rm", "base", "sh", "-c", "head -c 200000 /dev/zero; echo end >&2; exit 5"])).code).toBe(5);
  });

  test("ends when the reader of its output leaves, as any program in a pipe", async () => {
    const result = await shell(`${wherry} run --name endless base yes | head -n1; echo \${PIPESTATUS[0]}`, 20_000);
    expect(result).toMatchObject({ stdout: "y\n141\n", stderr: "" });
    // As with docker, only the client has left.
    expect(await state("endless")).toBe("running");
    await host.ok(["rm", "-f", "endless"]);
  });

  test("goes on when standard output was closed from the start", async () => {
    expect(await shell(`${wherry} run --rm base sh -c 'echo lost; exit 6' >&-`)).toMatchObject({ code: 6 });
    expect(await shell(`${wherry} run --rm base sh -c 'echo lost >&2; echo kept; exit 6' 2>&-`)).toMatchObject({
      code: 6,
      stdout: "kept\n",
    });
  });

  test("tells once that the disk is full, and the process goes on to its end", async () => {
    const result = await shell(`${wherry} run --rm base sh -c 'echo a; sleep 0.1; echo b; exit 6' >/dev/full`);
    expect(result.code).toBe(6);
    expect(result.stderr).toMatch(/^wherry: write to standard output: .*ENOSPC[^\n]*\n$/);
  });

  test("ends with the process though its own standard input stays open", async () => {
    const running = host.start(["run", "--rm", "-i", "base", "true"], { openStdin: true });
    expect((await running.done).code).toBe(0);
  });

  test("gives a process that reads no input its exit code, whatever is still coming in", async () => {
    expect(await shell(`yes | ${wherry} run --rm -i base sh -c 'head -c 1000000 >/dev/null; exit 4'`)).toMatchObject({
      code: 4,
      stderr: "",
    });
  });
});

describe("a reader that stops", () => {
  test("slows the process, and does not hang stop, logs or rm", async () => {
    const client = spawn(
      wherryProgram,
      [...host.selection, "run", "--name", "stuck", "--stop-signal", "KILL", "payload", "pattern", "1000000000"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const closed = once(client, "close");
    // Nothing reads client.stdout. Everything in between fills up, and then the process waits.
    const written = async () => Number(/wchar: (\d+)/.exec(await ioOf("stuck"))?.[1] ?? 0);
    await poll("it runs", async () => (await host.ok(["ps", "-q", "-f", "name=stuck"])) !== "");
    let before = -1;
    await poll(
      "it stands still",
      async () => {
        const now = await written();
        const still = now > 0 && now === before;
        before = now;
        return still;
      },
      { intervalMs: 200 },
    );
    expect(before).toBeLessThan(50_000_000);
    expect((await host.wherry(["logs", "--tail", "1", "stuck"])).code).toBe(0);
    const started = performance.now();
    await host.ok(["stop", "stuck"]);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await state("stuck")).toBe("exited");
    await host.ok(["rm", "stuck"]);
    client.stdout.resume();
    const [code] = await closed;
    expect(code).toBe(137);
  });

  const ioOf = async (name: string) => {
    const pid = await host.ok(["inspect", "--format", "{{.State.Pid}}", name]);
    return Bun.file(`/proc/${pid}/io`).text();
  };

  test("as a later attacher neither slows the process nor hangs stop", async () => {
    await host.ok([
      "run",
      "-d",
      "--name",
      "free",
      "base",
      "sh",
      "-c",
      "i=0; while [ $i -lt 200 ]; do head -c 100000 /dev/zero; i=$((i+1)); done; echo done >&2; exec sleep 1000",
    ]);
    const attacher = spawn(wherryProgram, [...host.selection, "attach", "free"], { stdio: ["ignore", "pipe", "pipe"] });
    const closed = once(attacher, "close");
    await poll("it has written all", async () => (await host.wherry(["logs", "free"])).stderr.includes("done"), { intervalMs: 50 });
    await host.ok(["stop", "-t", "0", "free"]);
    expect(await state("free")).toBe("exited");
    attacher.stdout.resume();
    attacher.stderr.resume();
    await closed;
    await host.ok(["rm", "free"]);
  });
});
