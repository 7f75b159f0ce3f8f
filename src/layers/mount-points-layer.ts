import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { HostPath } from "../core/brands.ts";
import { randomHex } from "../core/random.ts";
import { mountPointDirectories, mountPointFiles } from "./mount-points.ts";

/**
 * Makes the layer at `path` that lies beneath those of every image: places to mount on, for images that lack them, and docker's `/etc/mtab`, which
 * older programs read. Without it the first start would make them in the container's own layer. Whole or absent, whoever else makes it. @see container-paths.ts
 */
export function makeMountPointsLayer(path: HostPath): void {
  const partial = `${path}.${randomHex(6)}`;
  makeDirectory(partial);
  try {
    for (const name of mountPointDirectories) makeDirectory(`${partial}/${name}`);
    for (const name of mountPointFiles) {
      if (!existsSync(dirname(`${partial}/${name}`))) makeDirectory(dirname(`${partial}/${name}`));
      writeFileSync(`${partial}/${name}`, "");
      chmodSync(`${partial}/${name}`, 0o644);
    }
    symlinkSync("/proc/mounts", `${partial}/etc/mtab`);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

/** With that mode, whatever the umask. */
function makeDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}
