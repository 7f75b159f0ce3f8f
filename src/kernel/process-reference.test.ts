import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAlive, isEnding, ownProcess, readProcessStat } from "./process-reference.ts";

test("readProcessStat() finds state and start time when the name holds spaces and parentheses", () => {
  const root = mkdtempSync(`${tmpdir()}/wherry-proc-`);
  try {
    mkdirSync(`${root}/7`);
    writeFileSync(`${root}/7/stat`, "7 (a) S (b) 1 2) Z 1 7 7 0 -1 4194308 1 0 0 0 0 0 0 0 20 0 1 0 987654321 0 0\n");
    expect(readProcessStat(7, root)).toEqual({ state: "Z", startTime: 987_654_321n, parentPid: 1, flags: 4_194_308 });
    expect(isAlive({ pid: 7, startTime: 987_654_321n }, root)).toBe(false);
    expect(isEnding({ pid: 7, startTime: 987_654_321n }, root)).toBe(true);
    writeFileSync(`${root}/7/stat`, "7 (a) R 1 7 7 0 -1 4194308 1 0 0 0 0 0 0 0 20 0 1 0 987654321 0 0\n");
    expect(isAlive({ pid: 7, startTime: 987_654_321n }, root)).toBe(true);
    expect(isEnding({ pid: 7, startTime: 987_654_321n }, root)).toBe(true);
    writeFileSync(`${root}/7/stat`, "7 (x) S 1\n");
    expect(readProcessStat(7, root)).toBeNull();
    expect(readProcessStat(8, root)).toBeNull();
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("isAlive() knows this process, and no other with its number", () => {
  const self = ownProcess();
  expect(isAlive(self)).toBe(true);
  expect(isEnding(self)).toBe(false);
  expect(isEnding({ ...self, startTime: self.startTime + 1n })).toBe(true);
  expect(isAlive({ ...self, startTime: self.startTime + 1n })).toBe(false);
  expect(isAlive({ pid: 0, startTime: 0n })).toBe(false);
});

test("isAlive() is false for a process that has ended", async () => {
  const child = spawn("true");
  const pid = child.pid ?? 0;
  const stat = readProcessStat(pid);
  await new Promise((resolve) => child.once("exit", resolve));
  expect(stat === null || !isAlive({ pid, startTime: stat.startTime })).toBe(true);
});
