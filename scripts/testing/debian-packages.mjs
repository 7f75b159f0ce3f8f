// Installs the Debian packages that tests need (test/debian-packages.json), and says plainly what it could not.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { repository } from "../pinned-bun.mjs";

/** Installs what is missing; returns sentences about what stays missing. Does nothing when all is there. */
export function installDebianPackages() {
  const wanted = JSON.parse(readFileSync(`${repository}/test/debian-packages.json`, "utf8"));
  const missing = wanted.filter(({ package: name }) => !isInstalled(name));
  if (missing.length === 0) return [];
  const names = missing.map(({ package: name }) => name);
  if (!existsSync("/usr/bin/apt-get")) {
    return missing.map(({ package: name, reason }) => `${name} is not installed and this is no Debian: ${reason}`);
  }
  console.log(`installing ${names.join(", ")} (apt-get)`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => spawnSync("apt-get", args, { env: environment, encoding: "utf8" });
  const install = () => apt("install", "-y", "-qq", "--no-install-recommends", ...names);
  if (install().status !== 0) {
    apt("update", "-qq"); // a fresh machine's package lists are empty or stale
    if (install().status !== 0) for (const name of names) apt("install", "-y", "-qq", "--no-install-recommends", name);
  }
  return missing
    .filter(({ package: name }) => !isInstalled(name))
    .map(({ package: name, reason }) => `${name} could not be installed: ${reason}`);
}

function isInstalled(name) {
  const result = spawnSync("dpkg-query", ["-W", "-f=${db:Status-Status}", name], { encoding: "utf8" });
  return result.status === 0 && result.stdout === "installed";
}
