// Builds what is installed: dist/engine (the TypeScript engine, compiled), dist/launcher (the C program) and dist/wherry (the same C
// program as front, see docs/adr/0001). Nothing is done when nothing changed. `--faults` builds the same in dist-fault/, for test/fault
// only: its programs can be told to die between any two steps. The engine in dist-order/ is only for scripts/order-bytecode.mjs.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { requireHost } from "./host-requirements.mjs";
import { pinnedBun, repository } from "./pinned-bun.mjs";
import { placeAligned, placeProgram } from "./place-program.mjs";

const variants = {
  release: { folder: "dist", launcher: "launcher", goal: "all", defines: [] },
  faulty: { folder: "dist-fault", launcher: "launcher-fault", goal: "fault", defines: ["--define=WHERRY_FAULTS=true"] },
  recording: { folder: "dist-order", launcher: "launcher", goal: "all", defines: ["--define=WHERRY_RECORDING=true"] },
};
/** The functions that a start needs: scripts/order-bytecode.mjs. */
const order = `${repository}/scripts/bytecode.order`;

export function build({ quiet = false, variant: name = "release" } = {}) {
  const variant = variants[name];
  const dist = `${repository}/${variant.folder}`;
  mkdirSync(dist, { recursive: true });
  buildLauncher(variant, dist);
  const built = buildEngine(variant, dist);
  if (!quiet) console.log(built ? `built ${variant.folder}/wherry` : `${variant.folder}/wherry is up to date`);
}

function buildLauncher(variant, dist) {
  run("make", ["--silent", "--no-print-directory", "-C", "launcher", variant.goal], { dist });
  for (const name of ["launcher", "wherry"]) {
    const target = `${dist}/${name}`;
    const source = `${repository}/launcher/build/${variant.launcher}`;
    if (existsSync(target) && readFileSync(source).equals(readFileSync(target))) continue;
    placeProgram(source, target);
  }
}

function buildEngine(variant, dist) {
  const { version } = JSON.parse(readFileSync(`${repository}/package.json`, "utf8"));
  const bun = pinnedBun();
  const commit = gitCommit();
  const stamp = [
    version,
    commit,
    bun,
    mtime(bun),
    mtime(`${repository}/scripts/build.mjs`),
    mtime(`${repository}/scripts/place-program.mjs`),
    mtime(order),
    ...sources("src"),
  ].join("\n");
  const stampFile = `${dist}/engine.stamp`;
  if (existsSync(`${dist}/engine`) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return false;

  const output = `${dist}/engine.compiled.${process.pid}`;
  run(
    bun,
    [
      "build",
      "--compile",
      "--bytecode",
      "--minify",
      "--format=esm",
      "--splitting",
      // A compiled program would otherwise obey a .env or bunfig.toml in whatever directory it is started from.
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      `--bytecode-order=${order}`,
      ...variant.defines,
      `--define=WHERRY_VERSION=${JSON.stringify(version)}`,
      `--define=WHERRY_COMMIT=${JSON.stringify(commit)}`,
      `--outfile=${output}`,
      `${repository}/src/cli/main.ts`,
    ],
    { dist, cwd: dist },
  );
  placeAligned(output, `${dist}/engine`);
  rmSync(output);
  writeFileSync(stampFile, stamp);
  return true;
}

/** One line per source file that reaches the binary: path, size, time. */
function sources(directory) {
  return readdirSync(`${repository}/${directory}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .sort()
    .map((path) => `${path} ${statSync(path).size} ${mtime(path)}`);
}

const mtime = (path) => statSync(path).mtimeMs;

/** The commit that the sources came from, `-dirty` when they differ from it; empty outside a git work tree. */
function gitCommit() {
  const git = (...args) => spawnSync("git", ["-C", repository, ...args], { encoding: "utf8" });
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head.status !== 0) return "";
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "launcher").stdout !== "";
  return head.stdout.trim() + (changed ? "-dirty" : "");
}

function run(program, args, { dist, cwd = repository }) {
  const result = spawnSync(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  for (const name of readdirSync(dist).filter((entry) => entry.startsWith("engine.") && entry.endsWith(`${process.pid}`))) {
    rmSync(`${dist}/${name}`, { force: true });
  }
  console.error(`building failed: ${program.split("/").at(-1)} ${args[0] === "build" ? "build src/cli/main.ts" : args.join(" ")}`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireHost({ root: false });
  build({ variant: process.argv.includes("--faults") ? "faulty" : "release" });
}
