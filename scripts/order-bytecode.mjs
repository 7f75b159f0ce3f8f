// `npm run order`: writes scripts/bytecode.order, the functions that a start needs, in the order of need. The build lays the engine's
// bytecode out by it, so that a command reads few and neighbouring pages (docs/adr/0008). As root; commands of a build of its own are
// recorded while they run containers in a data root of their own. The file is a list of hashes of functions: those that
// have changed since are simply not in it, so that it need be made anew only now and then.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "./build.mjs";
import { requireHost } from "./host-requirements.mjs";
import { repository } from "./pinned-bun.mjs";

requireHost({ root: true });
build({ variant: "recording" });
const engine = `${repository}/dist-order/engine`;
const base = mkdtempSync("/tmp/wherry-order-");
const global = ["--root", `${base}/root`, "--run-root", `${base}/run`];
const oci = ["oci", "--root", `${base}/oci`];
let recordings = 0;
const functions = new Set();

try {
  const bundle = makeBundle();
  // A start like an earlier one, which is what most are; the first of its kind comes last.
  const first = record([...global, "run", "--rm", "--network", "none", "base", "true"]);
  keep(record([...global, "run", "--rm", "--network", "none", "base", "true"]));
  record([...global, "run", "-d", "--name", "long", "--network", "none", "base", "sleep", "600"]);
  const firstExec = record([...global, "exec", "long", "true"]);
  keep(record([...global, "exec", "long", "true"]));
  keep(record([...oci, "run", "--bundle", bundle, "once"]));
  keep(record([...oci, "create", "--bundle", bundle, "twice"]));
  for (const words of [["start"], ["state"], ["delete", "--force"]]) keep(record([...oci, ...words, "twice"]));
  keep(record([...global, "create", "--name", "later", "--network", "none", "base", "true"]));
  keep(record([...global, "start", "--attach", "later"]));
  keep(record([...global, "rm", "later"]));
  keep(record([...global, "rm", "--force", "long"]));
  for (const recording of [first, firstExec]) keep(recording);
  for (const words of [["ps"], ["images"]]) keep(record([...global, ...words]));
  writeFileSync(`${repository}/scripts/bytecode.order`, `v2\n${[...functions].join("\n")}\n`);
  console.log(`scripts/bytecode.order: ${functions.size} functions`);
} finally {
  spawnSync(engine, [...global, "rm", "--force", "long", "later"], { stdio: "ignore" });
  spawnSync(engine, [...global, "rmi", "base"], { stdio: "ignore" });
  rmSync(base, { recursive: true, force: true });
}

/** A bundle that ends at once. */
function makeBundle() {
  const bundle = `${base}/bundle`;
  mkdirSync(`${bundle}/rootfs`, { recursive: true });
  run([...global, "create", "--name", "source", "base"]);
  run([...global, "export", "--output", `${base}/root.tar`, "source"]);
  run([...global, "rm", "source"]);
  if (spawnSync("tar", ["-xf", `${base}/root.tar`, "-C", `${bundle}/rootfs`]).status !== 0) throw new Error("tar failed");
  run([...oci, "spec", "--bundle", bundle]);
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  config.process.args = ["true"];
  config.process.terminal = false;
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

/** Runs the engine; the path of what it has recorded. */
function record(words) {
  const recording = `${base}/${recordings++}.order`;
  run(words, { BUN_BYTECODE_ORDER_OUT: recording });
  return recording;
}

function run(words, environment = {}) {
  const { PATH = "" } = process.env;
  // Standard output may be kept by a monitor: no pipe, whose end would be waited for.
  const { status } = spawnSync(engine, words, { stdio: ["ignore", "ignore", "inherit"], env: { PATH, ...environment } });
  if (status !== 0) throw new Error(`wherry ${words.join(" ")}: ${status}`);
}

/** Its functions, behind those that are there; its strings matter little and are most of it. */
function keep(recording) {
  for (const line of readFileSync(recording, "utf8").split("\n")) if (line.startsWith("F ")) functions.add(line);
}
