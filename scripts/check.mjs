// `npm run check`: format, lint, types, layers, documents, names, the launcher's size and C warnings, side by side. Prints only what is wrong.
import { spawn } from "node:child_process";
import { checkDocs } from "./checks/docs.mjs";
import { checkLayers } from "./checks/layers.mjs";
import { checkLauncherSize } from "./checks/launcher-size.mjs";
import { checkNames, longFiles } from "./checks/names.mjs";
import { repository } from "./pinned-bun.mjs";

const bin = `${repository}/node_modules/.bin`;
const started = performance.now();

const program =
  (command, ...args) =>
  () =>
    new Promise((resolve) => {
      const child = spawn(command, args, { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
      const output = [];
      child.stdout.on("data", (chunk) => output.push(chunk));
      child.stderr.on("data", (chunk) => output.push(chunk));
      child.on("error", (error) => resolve([error.message]));
      child.on("close", (code) => resolve(code === 0 ? [] : [Buffer.concat(output).toString().trimEnd()]));
    });

/** Biome prints whole diffs; the names and the remedy are enough. */
const format = async () => {
  const [output] = await program(`${bin}/biome`, "format", "--max-diagnostics=200")();
  if (output === undefined) return [];
  const files = [...output.matchAll(/^(\S+) format ━/gm)].map(([, file]) => `${file}: not formatted; run npm run format -- ${file}`);
  return files.length > 0 ? files : [output];
};

/** The analyzer draws pages around each finding; the findings alone say where to look (`make -C launcher check` has the pages). */
const cWarnings = async () => {
  const [output] = await program("make", "--silent", "--no-print-directory", "-C", "launcher", "check")();
  if (output === undefined) return [];
  const findings = output.split("\n").filter((line) => /\b(error|warning):|\*\*\*/.test(line));
  return findings.length > 0 ? findings : [output];
};

const own = (check) => async () => check(repository);

const parts = {
  format,
  lint: program(`${bin}/oxlint`, "--deny-warnings", "--format=unix"),
  types: program(`${bin}/tsc`, "--noEmit"),
  c: cWarnings,
  layers: own(checkLayers),
  docs: own(checkDocs),
  names: own(checkNames),
  size: own(checkLauncherSize),
};

const wanted = process.argv.slice(2);
for (const name of wanted.filter((part) => !(part in parts))) {
  console.error(`no check is called ${name}; there are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
const chosen = Object.entries(parts).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const results = await Promise.all(
  chosen.map(async ([name, check]) => {
    const begun = performance.now();
    const failures = await check();
    return { name, failures, ms: performance.now() - begun };
  }),
);
for (const { name, failures } of results) {
  if (failures.length > 0) console.log(`── ${name}\n${failures.join("\n")}\n`);
}
const long = longFiles(repository);
if (long.length > 0) console.log(`files past 400 lines: ${long.map(({ file, lines }) => `${file} (${lines})`).join(", ")}`);
const failed = results.filter(({ failures }) => failures.length > 0).map(({ name }) => name);
const times = results.map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(1)}`).join(", ");
console.log(
  `${failed.length === 0 ? "all checks passed" : `failed: ${failed.join(", ")}`} in ${((performance.now() - started) / 1000).toFixed(1)} s (${times})`,
);
process.exit(failed.length === 0 ? 0 : 1);
