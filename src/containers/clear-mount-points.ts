import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { errnoNumber } from "../core/errno.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerLayers } from "./root-filesystem.ts";

/** Directories of every container, on which and in which something is mounted. */
const places = ["dev", "etc", "proc", "sys"] as const;

/**
 * After a start that failed: whether the image has a file or a symlink in a place to mount on, which is hidden from now on by a directory in
 * the container's own layer. That is what docker does, in its init layer. Found out only then, so that starting has nothing to look for.
 * Nothing is followed: runc refuses such a `/proc` since CVE-2019-16884, and mounts on none but a directory.
 * @see moby, daemon/initlayer/setup_unix.go
 */
export function clearMountPoints(
  host: ContainerHost,
  row: ContainerRow,
  { error, idBase }: { readonly error: unknown; readonly idBase: number | null },
): boolean {
  if (!(error instanceof EngineError) || error.code !== "LAUNCH_FAILED") return false;
  const errno = error.details["errno"];
  if (errno !== errnoNumber("ENOTDIR") && errno !== errnoNumber("ELOOP")) return false;
  const { upper, lowers } = containerLayers(host, row, idBase);
  const obstructed = places.filter((name) => isObstructed([upper, ...lowers], name));
  for (const name of obstructed) {
    const path = `${upper}/${name}`;
    // In the read-write layer itself, where `cp` put it: that is the user's.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
    mkdirSync(path);
    chmodSync(path, 0o755);
    if (idBase !== null) chownSync(path, idBase, idBase);
  }
  return obstructed.length > 0;
}

/** By the topmost layer that has the name; a whiteout is nothing. */
function isObstructed(layers: readonly string[], name: string): boolean {
  for (const layer of layers) {
    const found = lstatSync(`${layer}/${name}`, { throwIfNoEntry: false });
    if (found !== undefined) return !found.isDirectory() && !(found.isCharacterDevice() && found.rdev === 0);
  }
  return false;
}
