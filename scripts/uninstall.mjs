// Removes an installation made by install.mjs. Containers and images stay, unless --purge is given; running containers stop it.
//
//   node scripts/uninstall.mjs [--prefix /usr/local] [--purge]
import { existsSync, rmSync } from "node:fs";
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

const running = spawnSync(link, ["ps", "-q"], { encoding: "utf8" }).stdout?.trim();
if (running || versionsInUse(library).size > 0) {
  console.error(`containers are running; stop them first: ${link} stop $(${link} ps -q)`);
  process.exit(1);
}
if (values.purge && existsSync(link)) {
  const all = spawnSync(link, ["ps", "-aq"], { encoding: "utf8" }).stdout?.trim().split("\n").filter(Boolean) ?? [];
  if (all.length > 0) spawnSync(link, ["rm", "-f", ...all], { stdio: "inherit" });
  removeInstanceCgroups([link]);
  unmountLayers("/run/wherry");
  for (const directory of ["/var/lib/wherry", "/run/wherry"]) rmSync(directory, { recursive: true, force: true });
}
for (const path of [link, `${link}-runc`]) rmSync(path, { force: true });
rmSync(library, { recursive: true, force: true });
console.log(
  values.purge ? "removed wherry, its containers and its images" : "removed wherry; containers and images stay in /var/lib/wherry",
);
