// Removes an installation made by install.mjs. Containers and images stay, unless --purge is given; running containers stop it.
//
//   node scripts/uninstall.mjs [--prefix /usr/local] [--purge]
//
// What --purge removes is what WHERRY_ROOT and WHERRY_RUN_ROOT name, as with every command.
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { removeInstanceCgroups } from "./instance-cgroups.mjs";
import { unmountLayers } from "./layer-mounts.mjs";
import { versionsInUse } from "./installed-versions.mjs";

const { values } = parseArgs({
  options: { prefix: { type: "string", default: "/usr/local" }, purge: { type: "boolean", default: false } },
});
const link = `${values.prefix}/bin/wherry`;
const library = `${values.prefix}/lib/wherry`;
const root = process.env.WHERRY_ROOT || "/var/lib/wherry";
const runRoot = process.env.WHERRY_RUN_ROOT || "/run/wherry";

const running = spawnSync(link, ["ps", "-q"], { encoding: "utf8" }).stdout?.trim();
if (running || versionsInUse(library).size > 0) {
  console.error(`containers are running; stop them first: ${link} stop $(${link} ps -q)`);
  process.exit(1);
}
if (values.purge && existsSync(link)) {
  const all = spawnSync(link, ["ps", "-aq"], { encoding: "utf8" }).stdout?.trim().split("\n").filter(Boolean) ?? [];
  if (all.length > 0) spawnSync(link, ["rm", "-f", ...all], { stdio: "inherit" });
  removeInstanceCgroups([link]);
  unmountLayers(runRoot);
  for (const directory of [root, runRoot]) removeDirectory(directory);
}
for (const path of [link, `${link}-runc`]) rmSync(path, { force: true });
rmSync(library, { recursive: true, force: true });
console.log(values.purge ? "removed wherry, its containers and its images" : `removed wherry; containers and images stay in ${root}`);

/** One with a disk of its own mounted on it stays, empty. */
function removeDirectory(directory) {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) rmSync(`${directory}/${name}`, { recursive: true, force: true });
  try {
    rmdirSync(directory);
  } catch (error) {
    if (error.code !== "EBUSY") throw error;
  }
}
