// `npm run bench`: how long containers take to start, and what they weigh, beside the floor and the peers that are installed. All
// contenders take turns (A B C A B C …) in one run, so that a busy minute meets all of them alike. Writes bench/results/start.md.
//
//   node bench/start.mjs [--rounds N] [--idle N] [--layers N] [--only NAME,NAME]
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { contenders } from "./contenders.mjs";
import { median, ninetieth, overheadKilobytes, timeProcess } from "./measure.mjs";
import { removeDirectory } from "./remove-directory.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    idle: { type: "string", default: "100" },
    layers: { type: "string", default: "5" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const idleCount = Number(values.idle);

for (const folder of ["bench", "test/payload"])
  execFileSync("make", ["--silent", "--no-print-directory", "-C", folder], { cwd: repository });
mkdirSync("/var/lib/wherry-bench", { recursive: true });
const directory = mkdtempSync("/var/lib/wherry-bench/run-");
const chosen = values.only?.split(",");
let all = [];

try {
  all = contenders(directory, { chosen, layers: Number(values.layers) });
  const run = measure("run", (contender, round) => timeProcess(contender.run(round), contender.mounts));
  const created = measure("create", (contender, round) => timeProcess(contender.create(round), contender.mounts));
  const started = measure("start", (contender, round) => timeProcess(contender.start(round), contender.mounts));
  for (const contender of all.filter(({ create }) => create)) for (let n = 0; n < rounds; n++) contender.removeCreated(n);

  for (const contender of all.filter(({ startIdle }) => startIdle)) contender.startIdle(0);
  const executed = measure("exec", (contender) => timeProcess(contender.exec(0), contender.mounts));
  const memory = new Map(all.filter(({ startIdle }) => startIdle).map((contender) => [contender, [overheadKilobytes([contender.pid(0)])]]));
  for (const [contender, figures] of memory) {
    for (let n = 1; n < idleCount; n++) contender.startIdle(n);
    figures.push(overheadKilobytes(Array.from({ length: idleCount }, (_, n) => contender.pid(n))) / idleCount);
    for (let n = 0; n < Math.max(idleCount, 1); n++) contender.removeIdle(n);
  }
  const text = report({ run, create: created, start: started, exec: executed, memory });
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/start.md`, text);
  console.log(text);
} finally {
  for (const contender of all) contender.close?.();
  removeDirectory(directory);
}

/** Times an action of every contender that has it, in turns. Map of contender -> milliseconds of each round; the first two warm up. */
function measure(action, time) {
  const taking = all.filter((contender) => contender[action]);
  const times = new Map(taking.map((contender) => [contender, []]));
  const warmUp = action === "create" || action === "start" ? 0 : 2;
  for (let round = -warmUp; round < rounds; round++) {
    for (const contender of taking) {
      const milliseconds = time(contender, round + warmUp);
      if (round >= 0) times.get(contender).push(milliseconds);
    }
  }
  return times;
}

function report({ run, create, start, exec, memory }) {
  const wherry = all.find(({ name }) => name === "wherry");
  const cell = (times, contender) => {
    const list = times.get(contender);
    if (list === undefined) return "";
    const ratio = wherry === undefined || contender === wherry ? "" : ` (×${(median(list) / median(times.get(wherry))).toFixed(2)})`;
    return `${median(list).toFixed(1)}${ratio}`;
  };
  const rows = all.map((contender) => {
    const [one, many] = memory.get(contender) ?? [];
    const kilobytes = one === undefined ? ["", ""] : [String(Math.round(one)), String(Math.round(many))];
    const worst = run.get(contender) === undefined ? "" : ninetieth(run.get(contender)).toFixed(1);
    return `| ${[contender.name, cell(run, contender), worst, cell(create, contender), cell(start, contender), cell(exec, contender), ...kilobytes].join(" | ")} |`;
  });
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  return `# Start times and memory

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: Linux ${kernel}, ${cpus().length} × ${cpus()[0].model.trim()}. Medians of ${rounds} whole
processes in milliseconds (spawn to exit, timed in C), contenders taking turns in one run; in brackets the ratio to wherry. Memory is the PSS of
every process that exists beside the container's own (found by ancestry), per container, in kB.

| contender | run | 9 in 10 below | create | start | exec | memory, 1 idle | memory, ${idleCount} idle |
|---|---|---|---|---|---|---|---|
${rows.join("\n")}

\`run\` is \`run --rm --network none IMAGE /payload exit 0\` or the contender's like.

${all.map(({ name, note }) => `- ${name}: ${note}`).join("\n")}
`;
}
