#!/usr/bin/env node
// What the commands of an OCI runtime cost: `wherry oci` beside runc and crun, all with the same bundle, taking turns.
//
//   node bench/oci.mjs [--rounds N]
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ociContenders } from "./contenders.mjs";
import { median, timeProcess } from "./measure.mjs";
import { removeDirectory } from "./remove-directory.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "40" } } });
const rounds = Number(values.rounds);
const commands = ["run", "create", "start", "create + start", "exec", "state", "delete"];

for (const folder of ["bench", "test/payload"])
  execFileSync("make", ["--silent", "--no-print-directory", "-C", folder], { cwd: repository });
mkdirSync("/var/lib/wherry-bench", { recursive: true });
const directory = mkdtempSync("/var/lib/wherry-bench/oci-");
let all = [];

try {
  all = ociContenders(directory);
  const times = new Map(all.map((contender) => [contender, Object.fromEntries(commands.map((command) => [command, []]))]));
  for (const contender of all) contender.startIdle(0);
  for (let round = -2; round < rounds; round++) {
    for (const contender of all) {
      const of = times.get(contender);
      const time = (command, args) => {
        const milliseconds = timeProcess(args, contender.mounts);
        if (round >= 0) of[command].push(milliseconds);
        return milliseconds;
      };
      const n = round + 2;
      time("run", contender.run(n));
      const both = time("create", contender.create(n)) + time("start", contender.start(n));
      if (round >= 0) of["create + start"].push(both);
      contender.stop(n);
      time("state", contender.state(n));
      time("delete", contender.delete(n));
      time("exec", contender.exec(0));
    }
  }
  for (const contender of all) contender.removeIdle(0);
  const text = report(times);
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/oci.md`, text);
  console.log(text);
} finally {
  for (const contender of all) contender.close?.();
  removeDirectory(directory);
}

function report(times) {
  const [own] = all;
  const cell = (contender, command) => {
    const value = median(times.get(contender)[command]);
    const ratio = contender === own ? "" : ` (×${(value / median(times.get(own)[command])).toFixed(2)})`;
    return `${value.toFixed(1)}${ratio}`;
  };
  const rows = all.map((contender) => `| ${[contender.name, ...commands.map((command) => cell(contender, command))].join(" | ")} |`);
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  return `# Commands of an OCI runtime

Made by \`npm run bench:oci\` on ${new Date().toISOString().slice(0, 10)}: Linux ${kernel}, ${cpus().length} × ${cpus()[0].model.trim()}. Medians of ${rounds}
whole processes in milliseconds, contenders taking turns in one run; in brackets the ratio to wherry-oci. A bundle of one static program, with \`runc spec\`'s configuration.

| contender | ${commands.join(" | ")} |
|---|${commands.map(() => "---|").join("")}
${rows.join("\n")}

${all.map(({ name, note }) => `- ${name}: ${note}`).join("\n")}
`;
}
