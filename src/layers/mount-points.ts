import type { ByteString } from "../core/byte-string.ts";

export const mountPointDirectories: readonly string[] = ["dev", "proc", "sys"];
export const mountPointFiles: readonly string[] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

const mountPoints: ReadonlySet<string> = new Set([...mountPointDirectories, ...mountPointFiles]);

/**
 * Whether it is what starting a container may make in its read-write layer, as a place to mount on, where an image's own layers hide the one
 * that `makeMountPointsLayer` made (by a whiteout, say). No change that anybody made.
 */
export function isMountPoint(path: ByteString): boolean {
  return mountPoints.has(path);
}
