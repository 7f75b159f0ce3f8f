import { MS } from "./kernel-flags.ts";
import {
  atFlags,
  cloneFlags,
  directory,
  type Explainers,
  fd,
  mountAttributes,
  openFlags,
  propagation,
  quote,
  quoteBytes,
  symbolic,
} from "./strace-format.ts";

type MountOperation =
  | "FS"
  | "MOUNT"
  | "TREE"
  | "ATTR"
  | "MOVE"
  | "PIVOT"
  | "CHROOT"
  | "COPYUP"
  | "LOOP"
  | "UMOUNT"
  | "PIDFD"
  | "SETNS"
  | "UNSHARE"
  | "CLONE"
  | "REHOME"
  | "USERNS"
  | "IDMAP"
  | "OPENCHILD";

const MNT_FLAGS = { MNT_FORCE: 1, MNT_DETACH: 2, MNT_EXPIRE: 4, UMOUNT_NOFOLLOW: 8 };

/** Mounts and namespaces. */
export const explainMounts: Explainers<MountOperation> = {
  FS: {
    man: "fsopen(2)",
    calls: (type, options, keys, slots, attributes, out) => [
      `fsopen(${quote(type)}, FSOPEN_CLOEXEC)`,
      ...options.map(configure),
      ...keys.map((key, index) => configureSlot(key, slots[index] === undefined ? "-1" : fd(slots[index]))),
      "fsconfig(FSCONFIG_CMD_CREATE)",
      `fsmount(FSMOUNT_CLOEXEC, ${mountAttributes(attributes)}) = ${fd(out)}`,
    ],
  },
  MOUNT: {
    man: "mount(2)",
    calls: (source, dir, path, type, flags, data) => [
      `mount(${quote(source)}, ${dir === null ? "" : `${fd(dir)}, `}${quote(path)}, ${quote(type)}, ${symbolic(flags, MS)}, ${quote(data)})`,
    ],
  },
  TREE: {
    man: "open_tree(2)",
    calls: (dir, path, flags, out) => [
      `open_tree(${directory(dir)}, ${quote(path)}, ${atFlagsWith(flags, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC")}) = ${fd(out)}`,
    ],
  },
  ATTR: {
    man: "mount_setattr(2)",
    calls: (dir, path, flags, set, clear, spread, userns) => {
      const fields = [
        ...(BigInt(set) === 0n ? [] : [`attr_set=${mountAttributes(set)}`]),
        ...(BigInt(clear) === 0n ? [] : [`attr_clr=${mountAttributes(clear)}`]),
        ...(BigInt(spread) === 0n ? [] : [`propagation=${propagation(spread)}`]),
        ...(userns === null ? [] : [`userns_fd=${fd(userns)}`]),
      ];
      return [`mount_setattr(${directory(dir)}, ${quote(path)}, ${atFlags(flags)}, {${fields.join(", ")}})`];
    },
  },
  MOVE: {
    man: "move_mount(2)",
    calls: (mount, dir, path) => [`move_mount(${fd(mount)}, "", ${directory(dir)}, ${quote(path)}, MOVE_MOUNT_F_EMPTY_PATH)`],
  },
  PIVOT: {
    man: "pivot_root(2)",
    calls: (root) => [`fchdir(${fd(root)})`, 'pivot_root(".", ".")', 'umount2(".", MNT_DETACH)', 'chdir("/")'],
  },
  CHROOT: { man: "chroot(2)", calls: (root) => [`fchdir(${fd(root)})`, 'chroot(".")'] },
  COPYUP: {
    man: "sendfile(2)",
    calls: (mount, dir, path) => [
      `openat(${directory(dir)}, ${quote(path)}, O_DIRECTORY)`,
      `sendfile(<${fd(mount)}/...>, <.../...>) and the like for all beneath`,
    ],
  },
  LOOP: {
    man: "loop(4)",
    calls: (path, out) => [
      "ioctl(</dev/loop-control>, LOOP_CTL_GET_FREE) = <number>",
      `openat(AT_FDCWD, "/dev/loop<number>", O_RDONLY|O_CLOEXEC) = ${fd(out)}`,
      `ioctl(${fd(out)}, LOOP_CONFIGURE, {fd=<${path}>, block_size=512, lo_flags=LO_FLAGS_READ_ONLY|LO_FLAGS_AUTOCLEAR|LO_FLAGS_DIRECT_IO})`,
    ],
  },
  UMOUNT: { man: "umount(2)", calls: (path, flags) => [`umount2(${quote(path)}, ${symbolic(flags, MNT_FLAGS)})`] },
  PIDFD: { man: "pidfd_open(2)", calls: (pid, _startTime, out) => [`pidfd_open(${pid}, 0) = ${fd(out)}`] },
  SETNS: { man: "setns(2)", calls: (slot, flags) => [`setns(${fd(slot)}, ${cloneFlags(flags)})`] },
  UNSHARE: { man: "unshare(2)", calls: (flags) => [`unshare(${cloneFlags(flags)})`] },
  CLONE: {
    man: "clone(2)",
    calls: (flags, cgroup, userns) => {
      const names = [
        ...(BigInt(flags) === 0n ? [] : [cloneFlags(flags)]),
        "CLONE_PIDFD",
        ...(userns === null ? [] : ["CLONE_PARENT"]),
        ...(cgroup === null ? [] : ["CLONE_INTO_CGROUP"]),
      ].join("|");
      const enter = userns === null ? [] : ["clone3({flags=CLONE_FILES, exit_signal=SIGCHLD})", `setns(${fd(userns)}, CLONE_NEWUSER)`];
      return [
        ...enter,
        `clone3({flags=${names}, ${userns === null ? "exit_signal=SIGCHLD" : "exit_signal=0"}${cgroup === null ? "" : `, cgroup=${fd(cgroup)}`}}) = <pid>`,
      ];
    },
  },
  REHOME: {
    man: "clone(2)",
    calls: (cgroup) => [`clone3({flags=CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=${fd(cgroup)}})`, "exit_group(0)"],
  },
  USERNS: {
    man: "user_namespaces(7)",
    calls: (uids, gids, out) => [
      "clone3({flags=CLONE_NEWUSER, exit_signal=SIGCHLD}) = <pid>",
      `write(</proc/<pid>/uid_map>, ${quoteBytes(uids)})`,
      `write(</proc/<pid>/gid_map>, ${quoteBytes(gids)})`,
      `openat(AT_FDCWD, "/proc/<pid>/ns/user", O_RDONLY|O_CLOEXEC) = ${fd(out)}`,
    ],
  },
  IDMAP: {
    man: "user_namespaces(7)",
    calls: (uids, gids) => [`write(</proc/<pid>/uid_map>, ${quoteBytes(uids)})`, `write(</proc/<pid>/gid_map>, ${quoteBytes(gids)})`],
  },
  OPENCHILD: {
    man: "openat2(2)",
    calls: (path, flags, out) => [`openat2(</proc/<pid>>, ${quote(path)}, {flags=${openFlags(flags)}}) = ${fd(out)}`],
  },
};

function configure(option: string): string {
  const at = option.indexOf("=");
  if (at < 0) return `fsconfig(FSCONFIG_SET_FLAG, ${quote(option)})`;
  return `fsconfig(FSCONFIG_SET_STRING, ${quote(option.slice(0, at))}, ${quote(option.slice(at + 1))})`;
}

function configureSlot(key: string, descriptor: string): string {
  return key.endsWith("=")
    ? `fsconfig(FSCONFIG_SET_STRING, ${quote(key.slice(0, -1))}, "<path of ${descriptor}>")`
    : `fsconfig(FSCONFIG_SET_FD, ${quote(key)}, ${descriptor})`;
}

function atFlagsWith(flags: number | bigint, more: string): string {
  return BigInt(flags) === 0n ? more : `${atFlags(flags)}|${more}`;
}
