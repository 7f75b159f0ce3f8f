// `npm test`. In order: the checks, unit tests, C unit tests under sanitizers, then contracts, integration, e2e, fuzz and fault tests (each file a
// process of its own, two at a time unless it asks to be alone), then a named subset on a second kernel. The last line is
// `N passed, N failed, N skipped`; the exit code is 0 only when nothing failed and exactly the declared tests were skipped.
//
//   node scripts/test.mjs [--no-guest] [GROUP|FILE…]      GROUP: check unit c contracts integration e2e fuzz fault guest
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { filesBeneath } from "./checks/files-beneath.mjs";
import { repository } from "./pinned-bun.mjs";
import { runBunTests, runProgram } from "./testing/bun-tests.mjs";
import { installDebianPackages } from "./testing/debian-packages.mjs";
import { compareSkips } from "./testing/expected-skips.mjs";
import { guestAvailable, runInGuest } from "./testing/guest.mjs";
import { hostKind } from "./testing/host-kind.mjs";

const args = process.argv.slice(2);
const inGuest = args.includes("--in-guest");
const wanted = args.filter((argument) => !argument.startsWith("--"));
const kernelGroups = ["contracts", "integration", "e2e", "fuzz", "fault"];
const workDirectory = mkdtempSync(`${tmpdir()}/wherry-tests-`);
const slowness = Number(process.env.WHERRY_TEST_SLOWNESS ?? 1);
process.env.WHERRY_TEST_SKIPS = `${workDirectory}/skips`;

const totals = { passed: 0, failed: 0, skipped: 0 };
const differences = [];
const skips = new Map();

const isWanted = (group) => (wanted.length === 0 ? !inGuest : wanted.includes(group));

if (!inGuest) for (const sentence of installDebianPackages()) console.log(`note: ${sentence}`);
if (isWanted("check")) count("npm run check", await runCheck());
if (isWanted("unit")) {
  const folders = ["src", "scripts", "test/support"];
  count("unit tests", await runBunTests(folders, { fileTimeoutMs: 120_000, testTimeoutMs: 5_000, workDirectory }), "unit");
}
if (isWanted("c")) count("C unit tests (ASan, UBSan)", await runCTests());
await runKernelTests();
compareWithDeclared();
if (isWanted("guest") && !args.includes("--no-guest")) await runGuest();

rmSync(workDirectory, { recursive: true, force: true });
for (const difference of differences) console.log(`skips: ${difference}`);
if (inGuest) console.log(`@@totals ${JSON.stringify({ ...totals, differences })}`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 && differences.length === 0 && totals.passed > 0 ? 0 : 1);

function count(name, result, file) {
  for (const key of ["passed", "failed", "skipped"]) totals[key] += result[key];
  if (file !== undefined) skips.set(file, result.skipped);
  const figures = [
    `${result.passed} passed`,
    ...["failed", "skipped"].filter((key) => result[key] > 0).map((key) => `${result[key]} ${key}`),
  ];
  console.log(`${result.failed === 0 ? "ok  " : "FAIL"} ${name}: ${figures.join(", ")} (${result.seconds.toFixed(1)} s)`);
  if (result.failed > 0) console.log(failuresOnly(result.output));
}

/** Bun's output without the tests that passed. */
function failuresOnly(output) {
  const lines = output.split("\n").filter((line) => !/^\((pass|skip)\) /.test(line));
  return `${lines.length > 400 ? [`… ${lines.length - 400} lines left out`, ...lines.slice(-400)].join("\n") : lines.join("\n")}\n`;
}

/** All checks count as one test. */
async function runCheck() {
  const started = performance.now();
  const { code, output } = await runProgram(process.execPath, ["scripts/check.mjs"], 120_000);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, seconds: (performance.now() - started) / 1000, output };
}

async function runCTests() {
  const started = performance.now();
  const { code, output } = await runProgram("make", ["--silent", "--no-print-directory", "-C", "launcher", "test", "fuzz"], 300_000);
  // Each C test program ends with `NAME: ok`, the fuzzer with what it tried; a failed expectation ends make.
  const failed = [...output.matchAll(/^\S+: FAILED\b/gm)].length;
  const passed = [...output.matchAll(/^\S+: (ok\b|\d+ of \d+ accepted)/gm)].length;
  const ended = code === 0 && passed > 0 ? 0 : 1;
  return { passed, failed: Math.max(failed, ended), skipped: 0, seconds: (performance.now() - started) / 1000, output };
}

async function runKernelTests() {
  const files = kernelGroups
    .filter((group) => existsSync(`${repository}/test/${group}`))
    .flatMap((group) =>
      filesBeneath(repository, `test/${group}`).filter((file) => file.endsWith(".test.ts") && (isWanted(group) || wanted.includes(file))),
    );
  if (files.length > 0 && !inGuest) await buildTestPrograms(files);
  const settings = new Map(files.map((file) => [file, fileSettings(file)]));
  const run = async (file) => {
    const { timeoutSeconds } = settings.get(file);
    const options = { fileTimeoutMs: timeoutSeconds * 1000 * Math.min(slowness, 4), testTimeoutMs: 30_000 * slowness, workDirectory };
    count(file, await runBunTests([file], options), file);
  };
  const together = files.filter((file) => !settings.get(file).alone);
  const queue = [...together];
  const width = inGuest ? 1 : Math.max(1, Math.min(4, cpus().length));
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await run(file);
    }),
  );
  for (const file of files.filter((name) => settings.get(name).alone)) await run(file);
}

/** The static program that tests run inside containers, and for fault tests the build that dies where it is told to. */
async function buildTestPrograms(files) {
  const programs = [["make", "--silent", "--no-print-directory", "-C", "test/payload"]];
  if (files.some((file) => file.startsWith("test/fault/"))) programs.push([process.execPath, "scripts/build.mjs", "--faults"]);
  for (const [program, ...args] of programs) {
    const { code, output } = await runProgram(program, args, 120_000);
    if (code !== 0) console.log(`note: ${program} ${args.join(" ")} failed: ${output}`);
  }
}

/** What a test file asks for in a comment: `// alone: it measures time`, `// timeout: 300 s`. */
function fileSettings(file) {
  const text = readFileSync(`${repository}/${file}`, "utf8");
  return { alone: /^\/\/ alone: \S/m.test(text), timeoutSeconds: Number(/^\/\/ timeout: (\d+) s$/m.exec(text)?.[1] ?? 120) };
}

function compareWithDeclared() {
  const reportFile = process.env.WHERRY_TEST_SKIPS;
  const reports = existsSync(reportFile)
    ? readFileSync(reportFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
  const declared = JSON.parse(readFileSync(`${repository}/test/expected-skips.json`, "utf8"));
  differences.push(...compareSkips({ declared, host: hostKind(), reports, skips }));
}

async function runGuest() {
  if (!guestAvailable()) {
    console.log("note: no ../shared/tools/cgroup2-vm here: the subset for cgroup v2 and Linux 6.1 was not run");
    return;
  }
  for (const result of await runInGuest((line) => console.log(line))) {
    count(result.name, result);
    differences.push(...result.differences.map((difference) => `in the guest: ${difference}`));
  }
}
