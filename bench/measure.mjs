// Stopwatch and scales.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const stopwatch = fileURLToPath(new URL("build/stopwatch", import.meta.url));

/** Milliseconds that the whole process took; `mounts` is a mount namespace to run it in. @throws when it did not succeed. */
export function timeProcess(command, mounts) {
  const [micros, code] = execFileSync(stopwatch, [...(mounts === undefined ? [] : ["-m", mounts]), ...command], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  })
    .trim()
    .split("\n")
    .at(-1)
    .split(" ")
    .map(Number);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}`);
  return micros / 1000;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The value below which nine in ten lie. */
export const ninetieth = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)];

/**
 * Kilobytes (PSS) of every process that exists for these containers beside their own: the ancestors of the given pids up to, not
 * including, PID 1 and this program. Each is counted once.
 */
export function overheadKilobytes(pids) {
  const own = ancestors(process.pid);
  own.add(process.pid);
  const found = new Set();
  for (const pid of pids) for (const ancestor of ancestors(pid)) if (!own.has(ancestor)) found.add(ancestor);
  return [...found].reduce((sum, pid) => sum + pss(pid), 0);
}

function ancestors(pid) {
  const found = new Set();
  for (let current = parent(pid); current > 1; current = parent(current)) found.add(current);
  return found;
}

const parent = (pid) =>
  Number(
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[1],
  );
const pss = (pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
