// From a fresh clone to a built dist/wherry: checks the machine, installs the npm packages that package-lock.json pins, builds.
// Needs nothing but Node, npm, a C compiler and make; each step is skipped when it is already done.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { build } from "./build.mjs";
import { requireHost } from "./host-requirements.mjs";
import { repository } from "./pinned-bun.mjs";

requireHost({ root: true });
if (!packagesInstalled()) installPackages();
build({ quiet: true });

/** Whether each package of the lock file that belongs on this machine is there in the version that it names. */
function packagesInstalled() {
  const { packages } = JSON.parse(readFileSync(`${repository}/package-lock.json`, "utf8"));
  return Object.entries(packages).every(([path, entry]) => {
    if (path === "") return true;
    const manifest = `${repository}/${path}/package.json`;
    if (!existsSync(manifest)) return entry.optional === true && !belongsHere(entry);
    return JSON.parse(readFileSync(manifest, "utf8")).version === entry.version;
  });
}

function belongsHere(entry) {
  const fits = (wanted, have) => wanted === undefined || wanted.includes(have);
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, "glibc");
}

function installPackages() {
  console.log("installing the pinned packages (npm ci)");
  // Without install scripts: none is needed (pinned-bun.mjs), and a package's script would run as root.
  const result = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: repository,
    stdio: "inherit",
  });
  if (result.status !== 0) {
    console.error("npm ci failed: Wherry's build needs the npm registry once; see npm's message above.");
    process.exit(1);
  }
}
