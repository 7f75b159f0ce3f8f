// The root file systems that images are made of.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { quietly } from "./image-contenders.mjs";

const packages = "perl,python3-minimal,ca-certificates,less,vim-tiny,iproute2,locales";

/** A Debian root file system of 229 MB and 11,000 entries; made once, which takes half a minute and a Debian mirror. */
export function makeDebianRoot(cache) {
  const tar = `${cache}/debian.tar`;
  if (existsSync(tar)) return tar;
  if (spawnSync("mmdebstrap", ["--version"]).status !== 0) throw new Error("mmdebstrap is missing: apt-get install mmdebstrap");
  quietly("mmdebstrap", "--quiet", "--variant=minbase", `--include=${packages}`, "bookworm", `${tar}.partial.tar`);
  renameSync(`${tar}.partial.tar`, tar);
  return tar;
}

/** 50,000 files of 1 kB in 500 directories, and something to run. */
export function makeManyFiles(cache, directory) {
  const tar = `${cache}/many-files.tar`;
  if (existsSync(tar)) return tar;
  const root = `${directory}/many-files`;
  for (let folder = 0; folder < 500; folder++) {
    mkdirSync(`${root}/d${folder}`, { recursive: true });
    for (let file = 0; file < 100; file++) writeFileSync(`${root}/d${folder}/f${file}`, `${folder} ${file} `.padEnd(1024, "x"));
  }
  mkdirSync(`${root}/bin`);
  copyFileSync("/bin/busybox", `${root}/bin/true`);
  quietly("tar", "-C", root, "--owner=0", "--group=0", "-cf", `${tar}.partial`, ".");
  renameSync(`${tar}.partial`, tar);
  rmSync(root, { recursive: true });
  return tar;
}
