// Runs test files with bun and counts what it reports.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { pinnedBun, repository } from "../pinned-bun.mjs";

let sequence = 0;

/**
 * Runs `paths` (files or folders) in one bun process.
 * `fileTimeoutMs` ends the whole process, `testTimeoutMs` a single test that names no time of its own.
 * Resolves with `{ passed, failed, skipped, seconds, output }`; a process that ends badly without a failed test counts as one failure.
 */
export async function runBunTests(paths, { fileTimeoutMs, testTimeoutMs, workDirectory }) {
  const report = `${workDirectory}/junit-${process.pid}-${sequence++}.xml`;
  const started = performance.now();
  const args = [
    "test",
    `--timeout=${testTimeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...paths.map((path) => `./${path}`),
  ];
  const { code, output, timedOut } = await runProgram(pinnedBun(), args, fileTimeoutMs);
  const counts = existsSync(report) ? countJunit(readFileSync(report, "utf8")) : { passed: 0, failed: 0, skipped: 0 };
  rmSync(report, { force: true });
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  const note = timedOut ? `\nended after ${fileTimeoutMs / 1000} s\n` : "";
  return { ...counts, seconds: (performance.now() - started) / 1000, output: output + note };
}

/** The totals of a JUnit report as bun writes it. */
export function countJunit(xml) {
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? "";
  const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  const skipped = number("skipped");
  return { passed: number("tests") - failed - skipped, failed, skipped };
}

/** Runs a program in its own process group, so that the time limit ends what it started too. */
export function runProgram(program, args, timeoutMs, { onLine, cwd = repository } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const output = [];
    let timedOut = false;
    let tail = "";
    const collect = (chunk) => {
      output.push(chunk);
      if (onLine === undefined) return;
      const lines = (tail + chunk.toString()).split("\n");
      tail = lines.pop();
      for (const line of lines) onLine(line);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => {
      timedOut = true;
      try {
        process.kill(-Number(child.pid), "SIGKILL");
      } catch {
        // it has just ended
      }
    }, timeoutMs);
    child.on("error", (error) => output.push(Buffer.from(error.message)));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output: Buffer.concat(output).toString(), timedOut });
    });
  });
}
