import { afterEach, expect } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readProcessStat } from "../../src/kernel/process-reference.ts";
import { sendSignal } from "../../src/kernel/send-signal.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("launcher");
const launcher = `${repository}/launcher/build/launcher`;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function sleeper(): Promise<{ child: ChildProcess; pid: number; startTime: bigint }> {
  const child = spawn("sleep", ["1000"], { argv0: "odd ) name (" });
  children.push(child);
  const pid = child.pid ?? 0;
  const stat = await poll("the child is there", () => readProcessStat(pid));
  return { child, pid, startTime: stat.startTime };
}

test("sendSignal() sends the signal to the process with that pid and start time", async () => {
  const { child, pid, startTime } = await sleeper();
  const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  expect(sendSignal(launcher, { pid, startTime }, 0)).toBe(true);
  expect(sendSignal(launcher, { pid, startTime }, 15)).toBe(true);
  expect(await ended).toBe("SIGTERM");
  expect(sendSignal(launcher, { pid, startTime }, 15)).toBe(false);
});

test("sendSignal() sends nothing when another process has the pid", async () => {
  const { child, pid, startTime } = await sleeper();
  expect(sendSignal(launcher, { pid, startTime: startTime + 1n }, 9)).toBe(false);
  expect(sendSignal(launcher, { pid, startTime: 0n }, 9)).toBe(false);
  expect(child.exitCode).toBeNull();
  expect(child.signalCode).toBeNull();
});

test("sendSignal() throws SIGNAL_FAILED when there is no such signal, and LAUNCHER_UNAVAILABLE without a launcher", async () => {
  const { pid, startTime } = await sleeper();
  expect(() => sendSignal(launcher, { pid, startTime }, 65)).toThrow(expect.objectContaining({ code: "SIGNAL_FAILED" }));
  expect(() => sendSignal("/nowhere/launcher", { pid, startTime }, 15)).toThrow(expect.objectContaining({ code: "LAUNCHER_UNAVAILABLE" }));
});

test("launcher signal refuses what is no number", () => {
  for (const args of [
    ["1", "2"],
    ["-1", "2", "3"],
    ["0", "2", "3"],
    ["1x", "2", "3"],
    ["1", "", "3"],
    ["99999999999", "2", "3"],
  ]) {
    const { status, stderr } = spawnSync(launcher, ["signal", ...args], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, "usage: launcher signal PID STARTTIME SIGNO\n"]);
  }
});
