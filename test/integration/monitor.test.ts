import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { attachToMonitor } from "../../src/kernel/attach-client.ts";
import { encodeFrame, frameTypes } from "../../src/kernel/frames.ts";
import { readLog } from "../../src/kernel/log-reader.ts";
import { attached, collect, exited, killGroup, MonitorDriver, monitorFlags } from "../support/monitor-driver.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("cc");
const rootTest = requires("cc", "root");
const driver = new MonitorDriver();
const mib = 1024 * 1024;

/** A promise, and the function that fulfils it. */
const gate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
};

test("the monitor passes both streams on, logs them and records the exit when a process writes and ends", async () => {
  const { connection } = await driver.shell("echo one; echo two >&2; echo three; printf four >&2; exit 3");
  const output = collect(connection);
  const end = await connection.ended;
  expect(output).toEqual({ stdout: "one\nthree\n", stderr: "two\nfour" });
  expect(end?.waitStatus).toBe(exited(3));
  expect(readFileSync(`${driver.run}/exit`, "latin1")).toBe(`status ${exited(3)}\ntime ${end?.time}\nlog-dropped 0\n`);
  const entries = await Array.fromAsync(readLog(driver.log, { stdout: true, stderr: true }));
  expect(
    entries
      .map(({ stream, partial, bytes }) => [stream, partial, Buffer.from(bytes).toString()])
      .sort((a, b) => String(a).localeCompare(String(b))),
  ).toEqual([
    ["stderr", false, "two\n"],
    ["stderr", true, "four"],
    ["stdout", false, "one\n"],
    ["stdout", false, "three\n"],
  ]);
  expect(existsSync(`${driver.run}/attach.sock`)).toBe(false);
});

test("the monitor tells a signal as waitpid does when the process is killed", async () => {
  const { connection, pid } = await driver.shell("exec sleep 1000");
  process.kill(pid, "SIGKILL");
  expect((await connection.ended)?.waitStatus).toBe(9);
});

test("the monitor passes binary input through unchanged when a process copies it", async () => {
  const { connection } = await driver.start(["cat"]);
  const sent = Buffer.alloc(3 * mib);
  for (let i = 0; i < sent.length; i++) sent[i] = (i * 2_654_435_761) >>> 24;
  const chunks: Uint8Array[] = [];
  connection.onOutput(({ bytes }) => void chunks.push(bytes));
  await connection.write(sent);
  connection.closeStdin();
  expect((await connection.ended)?.waitStatus).toBe(0);
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test("the monitor carries 1 GiB when a client reads", async () => {
  const { connection } = await driver.shell("exec dd if=/dev/zero bs=64k count=16384 status=none", { logBytes: 0 });
  let received = 0;
  const begin = performance.now();
  connection.onOutput(({ bytes }) => {
    received += bytes.length;
  });
  await connection.ended;
  const seconds = (performance.now() - begin) / 1000;
  expect(received).toBe(1024 * mib);
  console.log(`1 GiB in ${seconds.toFixed(2)} s, ${(1 / seconds).toFixed(2)} GiB/s`);
}, 60_000);

test("the monitor slows the process down and still records its exit when the starting client does not read", async () => {
  const { connection, pid } = await driver.shell("exec head -c 100000000 /dev/zero");
  let received = 0;
  const reader = gate();
  connection.onOutput(({ bytes }) => {
    received += bytes.length;
    return reader.opened;
  });
  await poll("the process is stuck in a write", () => /pipe_write/.test(readFileSync(`/proc/${pid}/wchan`, "latin1")));
  killGroup(pid);
  const record = await poll("the exit is recorded", () => driver.exitRecord);
  expect(record).toStartWith("status 9\n");
  reader.open();
  expect((await connection.ended)?.waitStatus).toBe(9);
  expect(received).toBeGreaterThan(0);
  expect(received).toBeLessThan(10_000_000);
});

test("the monitor sends a late client what comes after it, and the end, when the starting client has left", async () => {
  const { connection } = await driver.shell("echo before; read go; echo after; read go; exit 4", {
    flags: attached & ~monitorFlags.claims,
  });
  await poll("the first line is logged", () => readFileSync(driver.log, "latin1").includes("before"));
  const late = await attachToMonitor(driver.run, { stdin: true, stdout: true, stderr: true });
  const deaf = await attachToMonitor(driver.run, { stdin: false, stdout: false, stderr: false });
  connection.close();
  const output = collect(late);
  const silence = collect(deaf);
  await late.write(Buffer.from("go\n"));
  await poll("the late client has its line", () => output.stdout === "after\n");
  await late.write(Buffer.from("go\n"));
  expect((await late.ended)?.waitStatus).toBe(exited(4));
  expect((await deaf.ended)?.waitStatus).toBe(exited(4));
  expect(output).toEqual({ stdout: "after\n", stderr: "" });
  expect(silence.stdout).toBe("");
  late.close();
  deaf.close();
});

test("the monitor drops output for a late client that lags, tells how much, and lets the process run on", async () => {
  const { connection } = await driver.shell("read go; head -c 5000000 /dev/zero; read go", {
    buffer: 100_000,
    logBytes: 0,
    flags: monitorFlags.stdout | monitorFlags.stdin,
  });
  let fast = 0;
  connection.onOutput(({ bytes }) => {
    fast += bytes.length;
  });
  const late = await attachToMonitor(driver.run, { stdin: false, stdout: true, stderr: true });
  let slow = 0;
  let missed = 0n;
  const reader = gate();
  late.onOutput(({ bytes }) => {
    slow += bytes.length;
    return reader.opened;
  });
  late.onGap((stream, bytes) => {
    expect(stream).toBe("stdout");
    missed += bytes;
  });
  await connection.write(Buffer.from("go\n"));
  await poll("the fast client has everything", () => fast === 5_000_000);
  reader.open();
  await poll("the slow client knows what it has and what it has missed", () => BigInt(slow) + missed === 5_000_000n);
  expect(missed > 0n).toBe(true);
  await connection.write(Buffer.from("go\n"));
  expect((await late.ended)?.waitStatus).toBe(0);
  late.close();
});

test("the monitor disconnects a late client that misses everything for long", async () => {
  const { connection, pid, monitorPid } = await driver.shell("read go; exec cat /dev/zero", {
    buffer: 0,
    logBytes: 0,
    flags: monitorFlags.stdin,
  });
  const socket = connect(`${driver.run}/attach.sock`);
  socket.on("connect", () => {
    socket.write(encodeFrame(frameTypes.begin, Uint8Array.of(1)));
    socket.pause();
  });
  await poll("the monitor has its client", () => socketCount(monitorPid) === 3);
  await connection.write(Buffer.from("go\n"));
  await poll("the monitor has no more than its listener and the starting client", () => socketCount(monitorPid) === 2);
  socket.destroy();
  connection.close();
  killGroup(pid);
});

test("the monitor keeps no more than N files of about the wanted size when it rotates the log", async () => {
  const { connection } = await driver.shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done", {
    logBytes: 20_000,
    logFiles: 3,
    flags: 0,
  });
  await connection.ended;
  expect(
    readdirSync(driver.run)
      .filter((name) => name.startsWith("log"))
      .sort(),
  ).toEqual(["log", "log.1", "log.2"]);
  for (const name of ["log", "log.1", "log.2"]) expect(statSync(`${driver.run}/${name}`).size).toBeLessThanOrEqual(20_000);
  const numbers: number[] = [];
  for await (const entry of readLog(driver.log, { stdout: true, stderr: true }))
    numbers.push(Number(Buffer.from(entry.bytes).toString().slice(5)));
  const first = 5000 - numbers.length;
  expect(numbers.length).toBeGreaterThan(600);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => first + i));
});

test("readLog() with follow yields every line when a monitor writes and rotates under it", async () => {
  const { connection } = await driver.shell(
    "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); [ $((i % 100)) = 0 ] && read go; done; :",
    { logBytes: 9000, flags: monitorFlags.stdin },
  );
  let count = 0;
  for await (const entry of readLog(driver.log, { stdout: true, stderr: true, follow: true, done: connection.ended })) {
    expect(Buffer.from(entry.bytes).toString()).toBe(`${count}\n`);
    count++;
    if (count % 100 === 0) await connection.write(Buffer.from("go\n"));
  }
  expect(count).toBe(3000);
});

test("the monitor cuts a line of more than 16 KiB into partial records and logs the begin of an unfinished one", async () => {
  const { connection } = await driver.shell("head -c 40000 /dev/zero | tr '\\0' x; echo; printf prompt; read go");
  const output = collect(connection);
  await poll("the unfinished line is logged", () => readFileSync(driver.log, "latin1").includes("prompt"));
  const entries = await Array.fromAsync(readLog(driver.log, { stdout: true, stderr: true }));
  expect(entries.map(({ partial, bytes }) => [partial, bytes.length])).toEqual([
    [true, 16_384],
    [true, 16_384],
    [false, 40_001 - 2 * 16_384],
    [true, 6],
  ]);
  await connection.write(Buffer.from("\n"));
  await connection.ended;
  expect(output.stdout.length).toBe(40_007);
});

rootTest("the monitor drops and counts what a full disk does not take, and goes on when there is room", async () => {
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", driver.run]).status).toBe(0);
  try {
    const { connection } = await driver.shell("read go; head -c 1000000 /dev/zero | tr '\\0' '\\n'; echo dropped; read go; echo logged");
    const output = collect(connection);
    const ballast = `${driver.run}/ballast`;
    writeFileSync(ballast, Buffer.alloc(180_000));
    await connection.write(Buffer.from("go\n"));
    await poll("the process has written", () => output.stdout.includes("dropped"));
    rmSync(ballast);
    await connection.write(Buffer.from("go\n"));
    await connection.ended;
    connection.close();
    const dropped = Number(/log-dropped (\d+)/.exec(driver.exitRecord ?? "")?.[1]);
    expect(dropped).toBeGreaterThan(900_000);
    const text = readFileSync(driver.log, "latin1");
    expect(text).toMatch(/ stdout F logged\n$/);
    expect(text.split("\n").every((line) => line === "" || / stdout F /.test(line))).toBe(true);
    expect(text.split(" stdout F ").length - 1 + dropped).toBe(1_000_000 + 2 + "dropped".length);
  } finally {
    spawnSync("umount", ["-l", driver.run]);
  }
});

test("an idle monitor does not wake up", async () => {
  const { connection, monitorPid } = await driver.shell("echo begin; printf unfinished; read go");
  const output = collect(connection);
  await poll("output has come", () => output.stdout.endsWith("unfinished"));
  const wakeUps = (): string | undefined =>
    /^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/${monitorPid}/status`, "latin1"))?.[1];
  await poll("the unfinished line is logged", () => readFileSync(driver.log, "latin1").includes("unfinished"));
  const before = await poll("it has gone to sleep", async () => {
    const seen = wakeUps();
    await delay(100);
    return seen === wakeUps() && seen;
  });
  await delay(1500);
  expect(wakeUps()).toBe(before);
});

function socketCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:")).length;
}
