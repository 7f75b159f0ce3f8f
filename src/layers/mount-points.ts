import type { ByteString } from "../core/byte-string.ts";

/** What starting a container may make in its read-write layer, as places to mount on; Docker keeps the like in an init layer of its own. */
const mountPoints: ReadonlySet<string> = new Set(["dev", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc", "sys"]);

export function isMountPoint(path: ByteString): boolean {
  return mountPoints.has(path);
}
