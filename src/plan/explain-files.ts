import { KEEP_ID } from "./kernel-flags.ts";
import { directory, type Explainers, fd, octal, openFlags, quote, quoteBytes, resolveFlags } from "./strace-format.ts";

type FileOperation =
  | "OPEN"
  | "MKDIRP"
  | "TOUCH"
  | "SYMLINK"
  | "MKNOD"
  | "WRITE"
  | "WRITEPID"
  | "CLOSE"
  | "PIPE"
  | "CHOWN"
  | "CHDIR"
  | "DEVICES"
  | "NETLINK";

const owner = (id: number | bigint): string => (BigInt(id) === BigInt(KEEP_ID) ? "-1" : `${id}`);

const S_IFMT = 0o170000;
const TYPES: Readonly<Record<number, string>> = { 0o010000: "S_IFIFO", 0o020000: "S_IFCHR", 0o060000: "S_IFBLK" };

/** Files, descriptors, and what is written to cgroups and sockets. */
export const explainFiles: Explainers<FileOperation> = {
  OPEN: {
    man: "openat2(2)",
    calls: (dir, path, flags, mode, resolve, out) => {
      const how = [
        `flags=${openFlags(flags)}`,
        ...(BigInt(mode) === 0n ? [] : [`mode=${octal(mode)}`]),
        ...(BigInt(resolve) === 0n ? [] : [`resolve=${resolveFlags(resolve)}`]),
      ];
      return [`openat2(${directory(dir)}, ${quote(path)}, {${how.join(", ")}}) = ${fd(out)}`];
    },
  },
  MKDIRP: {
    man: "mkdir(2)",
    calls: (dir, path, mode, uid, gid) => [
      `mkdirat(${directory(dir)}, ${quote(path)}, ${octal(mode)})`,
      ...(owner(uid) === "-1" && owner(gid) === "-1"
        ? []
        : [`fchownat(${directory(dir)}, ${quote(path)}, ${owner(uid)}, ${owner(gid)}, AT_SYMLINK_NOFOLLOW)`]),
    ],
  },
  TOUCH: {
    man: "openat(2)",
    calls: (dir, path, mode) => [`openat(${directory(dir)}, ${quote(path)}, O_CREAT|O_EXCL|O_CLOEXEC, ${octal(mode)})`],
  },
  SYMLINK: { man: "symlink(2)", calls: (dir, path, target) => [`symlinkat(${quote(target)}, ${directory(dir)}, ${quote(path)})`] },
  MKNOD: {
    man: "mknod(2)",
    calls: (dir, path, mode, major, minor, uid, gid) => {
      const type = TYPES[Number(mode) & S_IFMT] ?? octal(Number(mode) & S_IFMT);
      return [
        `mknodat(${directory(dir)}, ${quote(path)}, ${type}|${octal(Number(mode) & ~S_IFMT)}, makedev(${major}, ${minor}))`,
        `fchownat(${directory(dir)}, ${quote(path)}, ${owner(uid)}, ${owner(gid)}, AT_SYMLINK_NOFOLLOW)`,
      ];
    },
  },
  WRITE: { man: "write(2)", calls: (dir, path, bytes) => [`write(${target(dir === null ? null : fd(dir), path)}, ${quoteBytes(bytes)})`] },
  WRITEPID: { man: "write(2)", calls: (dir, path) => [`write(${target(dir === null ? null : fd(dir), path)}, "<pid>")`] },
  CLOSE: { man: "close(2)", calls: (slots) => slots.map((slot) => `close(${fd(slot)})`) },
  PIPE: { man: "pipe(2)", calls: (reader, writer) => [`pipe2([${fd(reader)}, ${fd(writer)}], O_CLOEXEC)`] },
  CHOWN: { man: "chown(2)", calls: (slot, uid, gid) => [`fchownat(${fd(slot)}, "", ${owner(uid)}, ${owner(gid)}, AT_EMPTY_PATH)`] },
  CHDIR: { man: "chdir(2)", calls: (dir, path) => [`fchdir(${target(dir === null ? null : fd(dir), path)})`] },
  DEVICES: {
    man: "bpf(2)",
    calls: (cgroup, program) => [
      `bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=${program.length / 8}})`,
      `bpf(BPF_PROG_ATTACH, {target_fd=${fd(cgroup)}, attach_type=BPF_CGROUP_DEVICE, attach_flags=BPF_F_ALLOW_MULTI})`,
    ],
  },
  NETLINK: {
    man: "rtnetlink(7)",
    calls: (protocol, messages) => [`sendto(socket(AF_NETLINK, SOCK_RAW, ${netlinkProtocol(protocol)}), ${netlinkMessages(messages)})`],
  },
};

/** A file opened for this one call: its path, as strace -y shows descriptors. */
function target(dir: string | null, path: string): string {
  return dir === null ? `<${path}>` : `${dir}</${path.replace(/^\/+/, "")}>`;
}

const PROTOCOLS: Readonly<Record<string, string>> = { "0": "NETLINK_ROUTE", "12": "NETLINK_NETFILTER" };
const MESSAGE_TYPES: Readonly<Record<number, string>> = { 16: "RTM_NEWLINK", 17: "RTM_DELLINK", 20: "RTM_NEWADDR", 24: "RTM_NEWROUTE" };

function netlinkProtocol(protocol: number | bigint): string {
  return PROTOCOLS[`${protocol}`] ?? `${protocol}`;
}

function netlinkMessages(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: string[] = [];
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    const link =
      type === 16 && length >= 32
        ? `, ifi_index=${view.getInt32(at + 20, true)}${(view.getUint32(at + 24, true) & 1) === 1 ? ", ifi_flags=IFF_UP" : ""}`
        : "";
    messages.push(`{nlmsg_len=${length}, nlmsg_type=${MESSAGE_TYPES[type] ?? type}${link}}`);
    at += Math.max(16, (length + 3) & ~3);
  }
  return `[${messages.join(", ")}]`;
}
