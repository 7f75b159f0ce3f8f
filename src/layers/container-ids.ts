import type { ByteString } from "../core/byte-string.ts";
import type { Xattrs } from "../kernel/tree-records.ts";
import type { IdShift } from "./diff.ts";

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Host ids as the container sees them; those that are not of its range stay. */
export function unshift<T extends Owner>(entry: T, shift: IdShift | undefined): T {
  if (shift === undefined) return entry;
  const id = (value: number) => (value >= shift.from && value < shift.from + shift.count ? value - shift.from : value);
  return { ...entry, uid: id(entry.uid), gid: id(entry.gid) };
}

/** The overflow id of the kernel: what stands for ids that a user namespace has no number for. */
const nobody = 65_534;

/** The way back: the host's ids for the container's. One that the container has no number for becomes its nobody. */
export function toHost(owner: Owner, shift: IdShift | undefined): Owner {
  if (shift === undefined) return owner;
  const id = (value: number) => shift.from + (value < shift.count ? value : nobody);
  return { uid: id(owner.uid), gid: id(owner.gid) };
}

/** What belongs to the file, not to this host's overlayfs or security modules. */
export function portableXattrs(xattrs: Xattrs, shift: IdShift | undefined): Xattrs {
  if (xattrs.size === 0) return xattrs;
  // Nearly all that was copied up has but overlayfs's own.
  let kept: Map<ByteString, ByteString> | undefined;
  for (const [name, value] of xattrs) {
    if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) continue;
    if (name.startsWith("security.") && name !== "security.capability") continue;
    kept ??= new Map();
    kept.set(name, name === "security.capability" && shift !== undefined ? rootless(value, shift) : value);
  }
  return kept ?? noXattrs;
}

const noXattrs: Xattrs = new Map();

/**
 * A file capability of the container's own root (revision 3, with that root's host id) becomes a plain one (revision 2), which
 * counts for whichever root runs the image. @see linux/capability.h, struct vfs_ns_cap_data
 */
function rootless(value: ByteString, shift: IdShift): ByteString {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length !== 24 || bytes[3] !== 3 || bytes.readUInt32LE(20) !== shift.from) return value;
  bytes[3] = 2;
  return bytes.toString("latin1", 0, 20) as ByteString;
}

/** The way back: a plain file capability, for a container's own root. */
export function capabilityFor(value: ByteString, shift: IdShift | undefined): ByteString {
  const bytes = Buffer.alloc(24);
  const length = bytes.write(value, "latin1");
  if (shift === undefined || length !== 20 || bytes[3] !== 2) return value;
  bytes[3] = 3;
  bytes.writeUInt32LE(shift.from, 20);
  return bytes.toString("latin1") as ByteString;
}
