/**
 * Numbers of the kernel's interface, the same on x86-64 and arm64 but for O_NOFOLLOW. O_DIRECTORY, which differs too, is not used:
 * O_PATH descriptors of a wrong kind fail at their first use.
 */

/** clone(2), setns(2), unshare(2). */
export const CLONE = {
  CLONE_NEWTIME: 0x80,
  CLONE_NEWNS: 0x0002_0000,
  CLONE_NEWCGROUP: 0x0200_0000,
  CLONE_NEWUTS: 0x0400_0000,
  CLONE_NEWIPC: 0x0800_0000,
  CLONE_NEWUSER: 0x1000_0000,
  CLONE_NEWPID: 0x2000_0000,
  CLONE_NEWNET: 0x4000_0000,
} as const;

/** open(2). */
export const O = {
  O_WRONLY: 0o1,
  O_RDWR: 0o2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOFOLLOW: process.arch === "arm64" ? 0o100000 : 0o400000,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
} as const;

/** openat2(2). */
export const RESOLVE = {
  RESOLVE_NO_XDEV: 0x1,
  RESOLVE_NO_MAGICLINKS: 0x2,
  RESOLVE_NO_SYMLINKS: 0x4,
  RESOLVE_BENEATH: 0x8,
  RESOLVE_IN_ROOT: 0x10,
} as const;

/** The `*at()` flags of open_tree(2) and mount_setattr(2). */
export const AT = {
  AT_EMPTY_PATH: 0x1000,
  AT_RECURSIVE: 0x8000,
} as const;

/** fsmount(2), mount_setattr(2). */
export const MOUNT_ATTR = {
  MOUNT_ATTR_RDONLY: 0x1,
  MOUNT_ATTR_NOSUID: 0x2,
  MOUNT_ATTR_NODEV: 0x4,
  MOUNT_ATTR_NOEXEC: 0x8,
  /** A two-bit field in truth: 0 relatime, 0x10 noatime, 0x20 strictatime; all three bits are cleared before one is set. */
  MOUNT_ATTR__ATIME: 0x70,
  MOUNT_ATTR_NOATIME: 0x10,
  MOUNT_ATTR_STRICTATIME: 0x20,
  MOUNT_ATTR_NODIRATIME: 0x80,
  MOUNT_ATTR_IDMAP: 0x0010_0000,
  MOUNT_ATTR_NOSYMFOLLOW: 0x0020_0000,
} as const;

/** Propagation types, as mount(2) and mount_setattr(2) take them, and flags of mount(2). */
export const MS = {
  MS_RDONLY: 0x1,
  MS_BIND: 0x1000,
  MS_REC: 0x4000,
  MS_UNBINDABLE: 0x2_0000,
  MS_PRIVATE: 0x4_0000,
  MS_SLAVE: 0x8_0000,
  MS_SHARED: 0x10_0000,
} as const;

/** umount2(2). */
export const MNT_DETACH = 2;

/** close_range(2). */
export const CLOSE_RANGE_CLOEXEC = 4;

/** netlink(7). */
export const NETLINK_ROUTE = 0;

export const SIGKILL = 9;

/** "Leave it" for the ids of chown(2). */
export const KEEP_ID = 0xffff_ffff;
