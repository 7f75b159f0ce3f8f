import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { connect } from "node:net";
import { attachToMonitor } from "../../src/kernel/attach-client.ts";
import { encodeFrame, frameTypes } from "../../src/kernel/frames.ts";
import { watchEnd } from "../../src/kernel/watch-end.ts";
import { attached, collect, exited, isGone, killGroup, MonitorDriver, monitorFlags } from "../support/monitor-driver.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("cc");
const driver = new MonitorDriver();

const countingHook = (then = ""): string => driver.script("hook", `echo run >> ${driver.run}/hook-runs\n${then}`);
const hookRuns = (): number =>
  existsSync(`${driver.run}/hook-runs`) ? readFileSync(`${driver.run}/hook-runs`, "latin1").split("\n").length - 1 : 0;

test("the exit hook runs once when the starting client has left", async () => {
  const { connection, monitorPid, pid } = await driver.shell("exec sleep 1000", { flags: 0, hook: countingHook() });
  connection.close();
  process.kill(pid, "SIGKILL");
  await poll("the monitor has ended", () => isGone(monitorPid));
  expect(hookRuns()).toBe(1);
});

test("the exit hook runs again after the time that it asks for when it exits with 75", async () => {
  const hook = countingHook(`[ $(wc -l < ${driver.run}/hook-runs) -ge 3 ] || { echo 60 >&3; exit 75; }`);
  const { connection, monitorPid } = await driver.shell("exit 0", { flags: 0, hook });
  connection.close();
  const begin = performance.now();
  await poll("the monitor has ended", () => isGone(monitorPid));
  expect(hookRuns()).toBe(3);
  expect(performance.now() - begin).toBeGreaterThan(100);
});

test("the exit hook gets no descriptors but /dev/null and the pipe, and the root as its working directory", async () => {
  const hook = countingHook(
    `{ pwd; for fd in /proc/$$/fd/*; do readlink $fd; done; } > ${driver.run}/seen.tmp; mv ${driver.run}/seen.tmp ${driver.run}/seen`,
  );
  const { connection, monitorPid } = await driver.shell("exit 0", { flags: 0, hook });
  connection.close();
  await poll("the monitor has ended", () => isGone(monitorPid));
  const [directory, ...descriptors] = readFileSync(`${driver.run}/seen`, "latin1").trim().split("\n");
  expect(directory).toBe("/");
  expect(
    descriptors
      .filter((target) => target !== "/dev/null" && !target.endsWith("/hook") && !target.endsWith("/seen.tmp"))
      .map((target) => target.replace(/\d+/, "N")),
  ).toEqual(["pipe:[N]"]);
});

test("the exit hook does not run when a claiming client says that it is done", async () => {
  const { connection, monitorPid } = await driver.shell("exit 5", { hook: countingHook() });
  expect((await connection.ended)?.waitStatus).toBe(exited(5));
  await connection.finish();
  await poll("the monitor has ended", () => isGone(monitorPid));
  expect(hookRuns()).toBe(0);
});

test("the exit hook waits for a claiming client and runs when that closes without a word", async () => {
  const { connection, monitorPid } = await driver.shell("exit 5", { hook: countingHook() });
  const watched = Promise.withResolvers<void>();
  watchEnd(driver.run, watched.resolve);
  await connection.ended;
  await watched.promise;
  expect(hookRuns()).toBe(0);
  expect(isGone(monitorPid)).toBe(false);
  connection.close();
  await poll("the monitor has ended", () => isGone(monitorPid));
  expect(hookRuns()).toBe(1);
});

test("a late client can claim the exit, and take it back", async () => {
  const first = await driver.shell("read go", { flags: monitorFlags.stdin, hook: countingHook() });
  const late = await attachToMonitor(driver.run, { stdin: true, stdout: false, stderr: false });
  late.claim(true);
  await late.write(Buffer.from("go\n"));
  await late.ended;
  await late.finish();
  await poll("the monitor has ended", () => isGone(first.monitorPid));
  expect(hookRuns()).toBe(0);

  const second = await driver.shell("read go", { hook: countingHook() });
  second.connection.claim(false);
  await second.connection.write(Buffer.from("go\n"));
  await second.connection.ended;
  await poll("the hook has run", () => hookRuns() === 1);
});

test("the monitor ends at once when the process does, though a survivor holds its pipes", async () => {
  const { connection } = await driver.shell("sleep 1000 & echo $!; exit 0");
  const output = collect(connection);
  expect((await connection.ended)?.waitStatus).toBe(0);
  const survivor = Number(output.stdout);
  expect(isGone(survivor)).toBe(false);
  process.kill(survivor, "SIGKILL");
});

test("the monitor sends the whole output when a process writes much just before it ends", async () => {
  for (const terminal of [false, true]) {
    const { connection } = await driver.shell("head -c 60000 /dev/zero", { terminal });
    const output = collect(connection);
    await connection.ended;
    expect(output.stdout.length).toBe(60_000);
  }
});

test("watchEnd() calls back when the process ends, and at once when there is no monitor", async () => {
  const { connection, pid } = await driver.shell("exec sleep 1000");
  let ended = false;
  watchEnd(driver.run, () => {
    ended = true;
  });
  await attachToMonitor(driver.run, { stdin: false, stdout: false, stderr: false }).then((client) => client.close());
  expect(ended).toBe(false);
  process.kill(pid, "SIGKILL");
  await poll("the callback", () => ended);
  connection.close();
  await poll("the socket is gone", () => !existsSync(`${driver.run}/attach.sock`));
  await new Promise<void>((resolve) => watchEnd(driver.run, resolve));
});

test("closing the client that started a process closes its stdin when StdinOnce is set", async () => {
  const { connection, monitorPid } = await driver.start(["cat"], { flags: attached | monitorFlags.stdinOnce });
  await connection.write(Buffer.from("x"));
  connection.close();
  await poll("the monitor has ended", () => isGone(monitorPid));
  expect(driver.exitRecord).toStartWith("status 0\n");
});

test("a client that leaves does not close stdin without StdinOnce, and STDIN_EOF does", async () => {
  const { connection, monitorPid } = await driver.start(["cat"], { flags: attached });
  await connection.write(Buffer.from("x\n"));
  connection.close();
  const late = await attachToMonitor(driver.run, { stdin: true, stdout: true, stderr: false });
  const output = collect(late);
  await late.write(Buffer.from("y\n"));
  await poll("cat still answers", () => output.stdout.includes("y\n"));
  late.closeStdin();
  expect((await late.ended)?.waitStatus).toBe(0);
  late.close();
  await poll("the monitor has ended", () => isGone(monitorPid));
});

test("a process that reads no input does not stop its output, nor another client", async () => {
  const { connection, pid } = await driver.shell("read go; echo one; read go; echo two; exec sleep 1000");
  const output = collect(connection);
  const late = await attachToMonitor(driver.run, { stdin: true, stdout: true, stderr: false });
  let flooded = false;
  void late.write(Buffer.alloc(4 * 1024 * 1024, "\n")).then(() => {
    flooded = true;
  });
  await poll("output comes", () => output.stdout === "one\ntwo\n");
  expect(flooded).toBe(false);
  const other = await attachToMonitor(driver.run, { stdin: false, stdout: true, stderr: false });
  killGroup(pid);
  expect((await other.ended)?.waitStatus).toBe(9);
  expect((await connection.ended)?.waitStatus).toBe(9);
  late.close();
  other.close();
});

test("a terminal reports the size that was set, and reads EOF from its own control character only", async () => {
  const { connection } = await driver.shell("trap 'stty size; exit 6' WINCH; echo ready; while :; do read go; done", { terminal: true });
  const output = collect(connection);
  await poll("the shell is ready", () => output.stdout.includes("ready"));
  connection.closeStdin();
  connection.resize({ rows: 33, columns: 111 });
  await connection.write(Buffer.from("\n"));
  expect((await connection.ended)?.waitStatus).toBe(exited(6));
  expect(output.stdout).toContain("33 111\r\n");
});

test("a terminal works again after everybody had closed it", async () => {
  const { connection } = await driver.shell(
    "t=$(tty); echo one; exec 0<&- 1>&- 2>&-; sleep 0.2; exec 0<>$t 1>&0 2>&0; echo two; read line; echo got $line",
    { terminal: true },
  );
  const output = collect(connection);
  await poll("it writes again", () => output.stdout.includes("two"));
  await connection.write(Buffer.from("back\n"));
  expect((await connection.ended)?.waitStatus).toBe(0);
  expect(output.stdout.replaceAll("\r", "")).toBe("one\ntwo\nback\ngot back\n");
});

test("the monitor disconnects whoever breaks the protocol, and nobody else", async () => {
  const { connection } = await driver.shell("read go; echo alive");
  const bad: readonly Buffer[] = [
    Buffer.from([0, 0, 0, 0, 99, 0, 0, 0]),
    Buffer.from([255, 255, 255, 255, 3, 0, 0, 0]),
    Buffer.from([0, 0, 0, 0, 7, 0, 0, 0]),
    Buffer.from([1, 0, 0, 0, 7, 0, 1, 0, 0]),
    encodeFrame(frameTypes.begin, Uint8Array.of(8)),
    encodeFrame(frameTypes.claim, Uint8Array.of(2)),
    encodeFrame(frameTypes.done),
    encodeFrame(frameTypes.output, Buffer.from("x"), 1),
    encodeFrame(frameTypes.resize, Buffer.alloc(3)),
  ];
  for (const bytes of bad) {
    const socket = connect(`${driver.run}/attach.sock`);
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.write(bytes);
    await closed;
  }
  const output = collect(connection);
  await connection.write(Buffer.from("go\n"));
  expect((await connection.ended)?.waitStatus).toBe(0);
  expect(output.stdout).toBe("alive\n");
});

test("attach.sock is root's alone, and reachable beneath a path longer than a socket's address", async () => {
  const { connection } = await driver.shell("read go");
  expect(statSync(`${driver.run}/attach.sock`).mode & 0o777).toBe(0o600);
  const deep = `${driver.run}/${"d".repeat(120)}`;
  mkdirSync(deep);
  renameSync(`${driver.run}/attach.sock`, `${deep}/attach.sock`);
  const late = await attachToMonitor(deep, { stdin: true, stdout: false, stderr: false });
  await late.write(Buffer.from("go\n"));
  expect((await late.ended)?.waitStatus).toBe(0);
  await connection.ended;
  late.close();
});

test("the monitor survives the signals of a terminal", async () => {
  const { connection, monitorPid } = await driver.shell("read go; exit 7");
  for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGPIPE", "SIGTSTP", "SIGXFSZ"] as const)
    process.kill(monitorPid, signal);
  await connection.write(Buffer.from("go\n"));
  expect((await connection.ended)?.waitStatus).toBe(exited(7));
});
