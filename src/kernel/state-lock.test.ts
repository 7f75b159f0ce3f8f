import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isLocked, StateLock } from "./state-lock.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-lock-`);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("StateLock is held until it is disposed of, and leaves one file", () => {
  expect(isLocked(directory)).toBe(false);
  for (let round = 0; round < 3; round++) {
    const lock = StateLock.acquire(directory);
    expect(isLocked(directory)).toBe(true);
    lock[Symbol.dispose]();
    expect(isLocked(directory)).toBe(false);
  }
  expect(readdirSync(directory)).toEqual(["lock.3"]);
});

test("StateLock follows a holder that has died, or whose pid is another process's by now", () => {
  writeFileSync(`${directory}/lock.7`, `${process.pid} 1`);
  expect(isLocked(directory)).toBe(false);
  const lock = StateLock.acquire(directory);
  expect(lock.followsDead).toBe(true);
  lock[Symbol.dispose]();
  expect(readdirSync(directory)).toEqual(["lock.8"]);
  using next = StateLock.acquire(directory);
  expect(next.followsDead).toBe(false);
});

test("StateLock lets one process in at a time", async () => {
  const source = `
    import { StateLock } from ${JSON.stringify(`${import.meta.dirname}/state-lock.ts`)};
    import { readFileSync, writeFileSync } from "node:fs";
    for (let i = 0; i < 40; i++) {
      const lock = StateLock.acquire(${JSON.stringify(directory)});
      const file = ${JSON.stringify(`${directory}/counter`)};
      writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1));
      lock[Symbol.dispose]();
    }`;
  writeFileSync(`${directory}/counter`, "0");
  writeFileSync(`${directory}/worker.ts`, source);
  const workers = [1, 2, 3].map(() => Bun.spawn([process.execPath, `${directory}/worker.ts`], { stdout: "ignore", stderr: "inherit" }));
  expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  expect(await Bun.file(`${directory}/counter`).text()).toBe("120");
});
