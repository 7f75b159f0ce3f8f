import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { findLeaks } from "./leaks.ts";
import { TerminalProgram } from "./terminal-program.ts";
import { RunningProgram } from "./wherry-process.ts";

test("findLeaks() names a process whose working directory is inside a marked directory", async () => {
  const directory = mkdtempSync(`${tmpdir()}/wherry-leaks-`);
  const child = spawn("sleep", ["60"], { cwd: directory });
  try {
    expect(findLeaks([directory])).toEqual([expect.stringContaining(`process ${child.pid} (sleep 60): cwd -> ${directory}`)]);
  } finally {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
});

test("RunningProgram collects both streams, the exit code, and passes stdin", async () => {
  const result = await new RunningProgram("sh", ["-c", "cat; echo bad >&2; exit 7"], { stdin: "hello" }).done;
  expect(result).toMatchObject({ code: 7, signal: null, stdout: "hello", stderr: "bad\n" });
});

test("RunningProgram kills a program that exceeds its time", async () => {
  const result = await new RunningProgram("sleep", ["60"], { timeoutMs: 50 }).done;
  expect(result).toMatchObject({ code: null, signal: "SIGKILL" });
});

test("TerminalProgram gives a terminal of the asked size, and resizes it", async () => {
  await using program = new TerminalProgram(
    ["sh", "-c", "stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do read line; done"],
    { rows: 30, columns: 100 },
  );
  await program.sees(/30 100\r\nready/);
  program.resize({ rows: 22, columns: 77 });
  await program.sees("22 77");
  expect(await program.exited).toBe(3);
});
