import { invalidTar, type TarEntry } from "../archive/tar-entry.ts";
import { type ByteString, bytesOf } from "../core/byte-string.ts";
import type { Xattrs } from "../kernel/tree-records.ts";

/** What tells overlayfs that nothing of the layers below shows in a directory. */
export const opaqueXattr: readonly [ByteString, ByteString] = ["trusted.overlay.opaque" as ByteString, "y" as ByteString];

const accessAcl = "system.posix_acl_access";
const defaultAcl = "system.posix_acl_default";
const longestXattrName = 255;
/** EROFS counts a value's bytes in 16 bits; the kernel takes one more. */
const longestXattrValue = 0xffff;

/**
 * An entry's mode and xattrs as they lie in a layer, the same for every driver: without overlayfs's own, since a layer could use them to show
 * directories that are not its own, and without those that such a file can't have. As when it is set on a file system, an access
 * ACL determines the mode's permissions, and one that says no more than the mode is dropped.
 * @throws {EngineError} TAR_INVALID for what setxattr(2) would refuse as malformed.
 */
export function layerMetadata(entry: TarEntry): { readonly mode: number; readonly xattrs: Xattrs } {
  const { xattrs } = entry;
  // The kernel gives all symlinks this one.
  const mode = entry.type === "symlink" ? 0o777 : entry.mode;
  if (xattrs.size === 0) return { mode, xattrs };
  const kept = new Map<ByteString, ByteString>();
  let acl: Acl | undefined;
  for (const [name, value] of xattrs) {
    if (!isKept(name, entry)) continue;
    if (/^(user|trusted|security)\.$/.test(name) || name.length > longestXattrName)
      throw invalidTar("an extended attribute with an impossible name", entry.path);
    if (value.length > longestXattrValue) throw invalidTar(`an extended attribute of ${value.length} bytes`, entry.path);
    if (name === "security.capability") checkCapability(value, entry.path);
    if (name === accessAcl || name === defaultAcl) {
      const parsed = parseAcl(value, entry.path);
      if (parsed === null) continue;
      if (name === accessAcl) {
        acl = parsed;
        if (!parsed.extended) continue;
      }
    }
    kept.set(name, value);
  }
  return { mode: acl === undefined ? mode : (mode & 0o7000) | acl.mode, xattrs: kept };
}

/** Others are left out, as tar does: file systems don't have them. @see the kernel's xattr_permission() */
function isKept(name: ByteString, { type }: TarEntry): boolean {
  if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) return false;
  if (name.startsWith("user.")) return type === "file" || type === "directory";
  if (name === accessAcl) return type !== "symlink";
  if (name === defaultAcl) return type === "directory";
  return name.startsWith("trusted.") || name.startsWith("security.");
}

/** @see linux/capability.h, struct vfs_cap_data */
function checkCapability(value: ByteString, path: ByteString): void {
  const revision = value.charCodeAt(3);
  const length = { 1: 12, 2: 20, 3: 24 }[revision];
  // Revision 1 can't be set any more, though files that have it keep it.
  if (length !== value.length || revision === 1) throw invalidTar("a malformed file capability", path);
}

interface Acl {
  /** The permissions that stat(2) shows. */
  readonly mode: number;
  /** It says more than the mode does. */
  readonly extended: boolean;
}

const tags = { userObject: 0x01, user: 0x02, groupObject: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;

/** Null for one without entries, which is none. @see linux/posix_acl_xattr.h; posix_acl_valid() in the kernel's fs/posix_acl.c */
function parseAcl(value: ByteString, path: ByteString): Acl | null {
  const bytes = bytesOf(value);
  const malformed = () => invalidTar("a malformed access control list", path);
  if (bytes.length < 4 || bytes.length % 8 !== 4 || bytes.readUInt32LE(0) !== 2) throw malformed();
  if (bytes.length === 4) return null;
  const permissions = new Map<number, number>();
  let last = 0;
  for (let at = 4; at < bytes.length; at += 8) {
    const tag = bytes.readUInt16LE(at);
    const several = tag === tags.user || tag === tags.group;
    if (bytes.readUInt16LE(at + 2) > 7 || !Object.values<number>(tags).includes(tag) || tag < last || (tag === last && !several))
      throw malformed();
    permissions.set(tag, bytes.readUInt16LE(at + 2));
    last = tag;
  }
  const [user, group, other, mask] = [tags.userObject, tags.groupObject, tags.other, tags.mask].map((tag) => permissions.get(tag));
  const named = permissions.has(tags.user) || permissions.has(tags.group);
  if (user === undefined || group === undefined || other === undefined || (named && mask === undefined)) throw malformed();
  return { mode: (user << 6) | ((mask ?? group) << 3) | other, extended: named || mask !== undefined };
}
