import { fchownSync, fstatSync } from "node:fs";
import { toHostId } from "../plan/id-mapping.ts";
import type { OciConfig } from "../plan/oci-config.ts";

const nullDevice = { major: 1, minor: 3 };

/**
 * Gives the streams that the process inherits to its user, so that it can open /dev/stdout again, as runc does. What can't be given away (a
 * read-only file system, another's terminal) stays as it is.
 */
export function giveStdio(config: OciConfig): void {
  if (config.process?.terminal === true) return;
  const { uid = 0, gid = 0 } = config.process?.user ?? {};
  const hostUid = toHostId(config.linux?.uidMappings ?? null, uid) ?? uid;
  const hostGid = toHostId(config.linux?.gidMappings ?? null, gid) ?? gid;
  for (const descriptor of [0, 1, 2]) {
    try {
      const stat = fstatSync(descriptor);
      const isNull = stat.isCharacterDevice() && stat.rdev === nullDevice.major * 256 + nullDevice.minor;
      if (stat.uid !== hostUid && !isNull) fchownSync(descriptor, hostUid, hostGid);
    } catch {
      // See above; a closed one is /dev/null for the process.
    }
  }
}
