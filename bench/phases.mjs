// `node bench/phases.mjs`: what a `run` spends its time on. strace stops the process only at the few system calls that mark a new phase
// (--seccomp-bpf), so the phases are close to what they are without it; the sum is told beside the untraced time.
//
//   node bench/phases.mjs [--rounds N] [VERB ARGUMENT…]      default: run --rm --network none IMAGE /payload exit 0
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { contenders } from "./contenders.mjs";
import { median, timeProcess } from "./measure.mjs";
import { removeDirectory } from "./remove-directory.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" }, layers: { type: "string", default: "5" } } });
for (const folder of ["bench", "test/payload"]) {
  execFileSync("make", ["--silent", "--no-print-directory", "-C", folder], { cwd: repository });
}

/** Each phase ends with the first line, after the end of the phase before, that matches; `of` says whose line. */
const phases = [
  { name: "front", end: /^execve\("[^"]*\/engine"/ },
  { name: "runtime starts, arguments", end: /^openat\(.*wherry\.db"/ },
  { name: "state, files, plan", end: /^execve\("[^"]*\/launcher"/ },
  { name: "launcher: cgroups, mounts", end: /^clone3\(.*CLONE_NEWPID/ },
  { name: "child: mounts, rights", end: /^execve\("\/payload"/ },
  { name: "the program itself", end: /^\+\+\+ exited/, of: "program" },
  { name: "record, clean up", end: /^exit_group\(/, of: "engine" },
  { name: "engine ends", end: /^\+\+\+ exited/, of: "engine" },
];

mkdirSync("/var/lib/wherry-bench", { recursive: true });
const directory = mkdtempSync("/var/lib/wherry-bench/run-");
const closing = [];
try {
  const [wherry] = contenders(directory, { chosen: ["wherry"], layers: Number(values.layers) });
  closing.push(wherry.close);
  const command = wherry.run(0);
  const untraced = [];
  const traced = phases.map(() => []);
  for (let round = -2; round < Number(values.rounds); round++) {
    const whole = timeProcess(command);
    const times = trace(command);
    if (round < 0) continue;
    untraced.push(whole);
    times.forEach((time, index) => traced[index].push(time));
  }
  for (const [index, { name }] of phases.entries()) console.log(`${median(traced[index]).toFixed(1).padStart(7)} ms  ${name}`);
  const sum = traced.reduce((total, list) => total + median(list), 0);
  console.log(`${sum.toFixed(1).padStart(7)} ms  in all, traced; ${median(untraced).toFixed(1)} ms untraced`);
} finally {
  for (const close of closing) close();
  removeDirectory(directory);
}

/** Milliseconds of each phase. */
function trace(command) {
  const calls = "execve,clone3,openat,exit_group";
  const output = `${directory}/trace`;
  const result = spawnSync("strace", ["-f", "-ttt", "--seccomp-bpf", "-s", "200", "-e", `trace=${calls}`, "-o", output, ...command], {
    stdio: "ignore",
  });
  if (result.status !== 0) throw new Error(`strace ${command.join(" ")}: exit code ${result.status}`);
  const lines = readFileSync(output, "utf8")
    .split("\n")
    .map((line) => /^(\d+) +(\d+\.\d+) (.*)$/.exec(line))
    .filter(Boolean)
    .map(([, pid, time, text]) => ({ pid, text, time: Number(time) * 1000 }));
  const pids = { engine: lines[0].pid };
  let last = 0;
  return phases.map(({ name, end, of }) => {
    const found = lines.findIndex(({ text, pid }, index) => index > last && end.test(text) && (of === undefined || pid === pids[of]));
    if (found < 0) throw new Error(`the trace has no end of the phase "${name}"`);
    const spent = lines[found].time - lines[last].time;
    pids.program = lines[found].pid;
    last = found;
    return spent;
  });
}
