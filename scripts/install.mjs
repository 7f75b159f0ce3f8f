// Installs what `npm install` built, and upgrades an earlier version. Each version has a directory of its own, because running containers
// keep using the programs that started them; `wherry` is a link to the newest, and `wherry-runc`, for engines that want an OCI runtime, one to it.
//
//   node scripts/install.mjs [--prefix /usr/local]
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { parseArgs } from "node:util";
import { installedVersions, versionsInUse } from "./installed-versions.mjs";
import { repository } from "./pinned-bun.mjs";
import { placeProgram } from "./place-program.mjs";

const { values } = parseArgs({ options: { prefix: { type: "string", default: "/usr/local" } } });
const programs = ["wherry", "engine", "launcher"];
const dist = `${repository}/dist`;
if (programs.some((name) => !existsSync(`${dist}/${name}`))) {
  console.error("nothing is built yet: run npm install first");
  process.exit(1);
}

const [, version, commit] = /^([^\n]*)\n([^\n]*)/.exec(readFileSync(`${dist}/engine.stamp`, "utf8")) ?? [];
const name = commit ? `${version}-${commit}` : version;
const library = `${values.prefix}/lib/wherry`;
const target = `${library}/${name}`;
const temporary = `${library}/.${name}.${process.pid}`;
mkdirSync(temporary, { recursive: true });
for (const program of programs) placeProgram(`${dist}/${program}`, `${temporary}/${program}`);
if (existsSync(target)) renameSync(target, `${temporary}.old`);
renameSync(temporary, target);
rmSync(`${temporary}.old`, { recursive: true, force: true });

mkdirSync(`${values.prefix}/bin`, { recursive: true });
const link = `${values.prefix}/bin/wherry`;
placeLink(`../lib/wherry/${name}/wherry`, link);
placeLink("wherry", `${link}-runc`);
console.log(`installed ${link} (${name}) and ${link}-runc`);

const used = versionsInUse(library);
for (const other of installedVersions(library).filter((entry) => entry !== name)) {
  if (used.has(other)) {
    console.log(`kept ${library}/${other}: containers that run now were started by it`);
  } else {
    rmSync(`${library}/${other}`, { recursive: true });
    console.log(`removed ${library}/${other}`);
  }
}

/** In one step: whoever starts the program meanwhile finds the old one or the new one. */
function placeLink(to, path) {
  rmSync(`${path}.${process.pid}`, { force: true });
  symlinkSync(to, `${path}.${process.pid}`);
  renameSync(`${path}.${process.pid}`, path);
}
