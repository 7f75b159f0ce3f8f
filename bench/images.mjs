#!/usr/bin/env node
// What images cost: load, pull, commit, the first start after a pull, and the disk; wherry beside docker, podman, skopeo and umoci in one run.
//
//   node bench/images.mjs [--rounds N] [--only NAME,NAME]
//
// Two images: a Debian root file system (mmdebstrap) and one of 50,000 small files. Every round begins without the image.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { imageContenders, quietly, startRegistry } from "./image-contenders.mjs";
import { makeDebianRoot, makeManyFiles } from "./image-roots.mjs";
import { median, timeProcess } from "./measure.mjs";
import { physicalWork } from "./physical-work.mjs";
import { removeDirectory } from "./remove-directory.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" }, only: { type: "string" } } });
const rounds = Number(values.rounds);
const cache = "/var/cache/wherry-bench";

for (const folder of ["bench", "test/payload"])
  execFileSync("make", ["--silent", "--no-print-directory", "-C", folder], { cwd: repository });
mkdirSync("/var/lib/wherry-bench", { recursive: true });
mkdirSync(cache, { recursive: true });
const directory = mkdtempSync("/var/lib/wherry-bench/images-");
const roots = [
  { name: "debian", tar: makeDebianRoot(cache), commit: true },
  { name: "many-files", tar: makeManyFiles(cache, directory), commit: false },
];
let all = [];
let registry;

try {
  registry = await startRegistry(directory);
  all = imageContenders(directory, { chosen: values.only?.split(","), registry: registry.host });
  const tables = [];
  for (const root of roots) tables.push(measureImage(root));
  const text = report(tables);
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/images.md`, text);
  console.log(text);
} finally {
  for (const contender of all) contender.close?.();
  registry?.close();
  removeDirectory(directory);
}

function measureImage({ name, tar, commit }) {
  // Made by a program that is no contender's: what skopeo writes, all of them read.
  const archive = `${directory}/${name}.docker.tar`;
  const reference = `${registry.host}/${name}:1`;
  makeImage(tar, archive, reference, name);
  const actions = {
    load: (contender) => contender.load && (() => timeProcess(contender.load(archive))),
    pull: (contender) => contender.pull && (() => timeProcess(contender.pull(reference))),
    "first start": (contender) => contender.firstStart && (() => timeProcess(contender.firstStart(reference))),
    commit: (contender) => (commit && contender.commit ? () => contender.commit(reference) : undefined),
  };
  const times = new Map(all.map((contender) => [contender, {}]));
  const disk = new Map(all.map((contender) => [contender, {}]));
  const keep = (contender, action, value) => {
    const of = times.get(contender);
    of[action] = [...(of[action] ?? []), value];
  };
  for (let round = -1; round < rounds; round++) {
    for (const contender of all) {
      for (const [action, of] of Object.entries(actions)) {
        const time = of(contender);
        if (time === undefined) continue;
        if (action === "load" || action === "pull") contender.clear(reference);
        const before = contender.disk?.();
        const milliseconds = time();
        if (round >= 0) keep(contender, action, milliseconds);
        if (before !== undefined && (action === "load" || action === "pull")) disk.get(contender)[action] = contender.disk() - before;
      }
      contender.clear(reference);
    }
  }
  return { name, tar, entries: Number(quietly("sh", "-c", `tar tf '${tar}' | wc -l`)), times, disk, work: physicalWork(tar, directory) };
}

/** The tar as an image of one layer: in the registry with its layer compressed, and as docker's archive. */
function makeImage(tar, archive, reference, name) {
  const layout = `${directory}/${name}.oci`;
  quietly("umoci", "init", "--layout", layout);
  quietly("umoci", "new", "--image", `${layout}:1`);
  quietly("umoci", "raw", "add-layer", "--image", `${layout}:1`, tar);
  quietly("umoci", "config", "--image", `${layout}:1`, "--config.cmd", "/bin/true");
  quietly("skopeo", "copy", "--quiet", "--format", "v2s2", "--dest-tls-verify=false", `oci:${layout}:1`, `docker://${reference}`);
  quietly("skopeo", "copy", "--quiet", `oci:${layout}:1`, `docker-archive:${archive}:${reference}`);
  rmSync(layout, { recursive: true });
}

function report(tables) {
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const sections = tables.map((table) => {
    const { name, tar, entries, times, disk, work } = table;
    const wherry = all.find((contender) => contender.name === "wherry");
    const cell = (contender, action) => {
      const list = times.get(contender)[action];
      if (list === undefined) return "";
      const own = wherry === undefined ? undefined : times.get(wherry)[action];
      const ratio = contender === wherry || own === undefined ? "" : ` (×${(median(list) / median(own)).toFixed(1)})`;
      return `${Math.round(median(list))}${ratio}`;
    };
    const megabytes = (contender, action) => {
      const bytes = disk.get(contender)[action];
      return bytes === undefined ? "" : `${Math.round(bytes / 1e6)}`;
    };
    const rows = all.map((contender) =>
      [
        contender.name,
        ...["load", "pull", "first start", "commit"].map((action) => cell(contender, action)),
        megabytes(contender, "load"),
        megabytes(contender, "pull"),
      ].join(" | "),
    );
    const floor = Object.entries(work).map(([what, ms]) => `${what} ${Math.round(ms)}`);
    return `## ${name}: ${Math.round(statSync(tar).size / 1e6)} MB, ${entries} entries

| contender | load | pull | first start | commit of 1,000 changed files | disk after load, MB | disk after pull, MB |
|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}

The physical work alone, each by itself, in milliseconds: ${floor.join(", ")}.
`;
  });
  return `# Images

Made by \`npm run bench:images\` on ${new Date().toISOString().slice(0, 10)}: Linux ${kernel}, ${cpus().length} × ${cpus()[0].model.trim()}. Medians of ${rounds}
whole processes in milliseconds, contenders taking turns in one run, each time without the image; in brackets the ratio to wherry. The registry is Debian's
docker-registry on this machine; the layer is compressed there (gzip) and plain in the archive that is loaded.

${sections.join("\n")}
${all.map(({ name, note }) => `- ${name}: ${note}`).join("\n")}
`;
}
