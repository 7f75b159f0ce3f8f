import { type CallText, fields, flagSet, members, unquote } from "./call-text.ts";
import type { Descriptors } from "./descriptors.ts";

/**
 * What a call does, in one spelling for both sides: the plan's explanation and strace differ in what they leave out (sizes, pointers,
 * flags that every lookup carries), and the launcher looks a path up before it acts on the descriptor.
 */
export function callForm(call: CallText, descriptors: Descriptors, side: "plan" | "trace"): string {
  const special = FORMS[call.name];
  return special === undefined
    ? [call.name, ...call.args.map(plain)].join(" ")
    : `${call.name} ${special({ args: call.args, of: descriptors, planned: side === "plan", at: (index) => call.args[index] ?? "" })}`;
}

/** The place that a call acts on, as far as it names one: a lookup of it may fail, or find that nothing is left to do. */
export function placeOf(call: CallText, of: Descriptors): string | null {
  const [first = "", second = "", third = "", fourth = ""] = call.args;
  if (["openat", "openat2", "open_tree", "mount_setattr", "mkdirat", "mknodat", "fchownat", "unlinkat", "renameat"].includes(call.name))
    return of.place(first, text(second));
  if (call.name === "open") return of.place("AT_FDCWD", text(first));
  if (call.name === "move_mount") return of.place(third, text(fourth));
  if (call.name === "mount" && call.args.length === 6) return of.place(second, text(third));
  if (call.name === "symlinkat") return of.place(second, text(third));
  if (call.name === "write" || call.name === "fchdir") return target(first, of);
  return null;
}

interface Parts {
  readonly args: readonly string[];
  readonly of: Descriptors;
  readonly planned: boolean;
  readonly at: (index: number) => string;
}

/** Flags that the launcher adds to each lookup, or that say nothing. */
const LOOKUP = ["O_RDONLY", "O_CLOEXEC", "O_LARGEFILE", "O_NOCTTY"];

const FORMS: Readonly<Record<string, (parts: Parts) => string>> = {
  openat2: ({ at, of }) => {
    const how = fields(at(2));
    return `${of.place(at(0), text(at(1)))} ${flagSet(how.get("flags") ?? "", LOOKUP)} ${flagSet(how.get("resolve") ?? "")}`;
  },
  openat: ({ at, of }) => `${of.place(at(0), text(at(1)))} ${flagSet(at(2), LOOKUP)} ${octal(at(3))}`,
  mkdirat: ({ at, of }) => `${of.place(at(0), text(at(1)))} ${octal(at(2))}`,
  fchownat: ({ at, of }) => `${of.place(at(0), text(at(1)))} ${at(2)} ${at(3)}`,
  symlinkat: ({ at, of }) => `${text(at(0))} ${of.place(at(1), text(at(2)))}`,
  mknodat: ({ at, of }) =>
    `${of.place(at(0), text(at(1)))} ${flagSet(at(2))} ${at(3).replaceAll(/0x[0-9a-f]+/g, (hex) => `${Number(hex)}`)}`,
  write: ({ at, of }) => `${target(at(0), of)} ${text(at(1))}`,
  fchdir: ({ at, of }) => target(at(0), of),
  close: ({ at, of }) => of.name(at(0)),
  dup2: ({ at, of }) => `${of.name(at(0))} ${at(1)}`,
  pipe2: ({ at }) => at(1),
  bpf: ({ at, of }) => {
    const attributes = fields(at(1));
    const cgroup = attributes.get("target_fd");
    const named = ["prog_type", "insn_cnt", "attach_type", "attach_flags"].map((key) => attributes.get(key) ?? "");
    return [at(0), cgroup === undefined ? "" : of.name(cgroup), ...named].join(" ");
  },
  // strace writes out a full set.
  sched_setaffinity: ({ at }) => `${at(1)} ${/^\[0 1 2 3 4 5 6 7 .{1000}/.test(at(2)) ? "~[]" : at(2)}`,
  set_mempolicy: ({ args }) => args.map((argument) => argument.replaceAll(/0x0*(?=[0-9a-f])/g, "0x")).join(" "),
  sendto: ({ at }) => netlinkMessage(at(1)),

  fsconfig: ({ args, of, planned }) => {
    const [command = "", key = "", value = ""] = planned ? args : args.slice(1);
    if (command === "FSCONFIG_CMD_CREATE") return command;
    const shown =
      command === "FSCONFIG_SET_FD" ? of.name(planned ? value : (args[4] ?? "")) : command === "FSCONFIG_SET_FLAG" ? "" : text(value);
    return `${command} ${text(key)} ${shown}`;
  },
  fsmount: ({ args, planned }) => (planned ? args : args.slice(1)).map((flags) => flagSet(flags)).join(" "),
  mount: ({ args, of, planned }) => {
    const place = planned && args.length === 6 ? of.place(args[1] ?? "", text(args[2] ?? "")) : hostTarget(text(args[1] ?? ""), of);
    const [type = "", flags = "", data = ""] = args.slice(-3).map((argument) => (argument === "NULL" ? "" : text(argument)));
    return [text(args[0] ?? ""), place, type, mountFlags(flags), data].join(" ");
  },
  open_tree: ({ at, of }) => `${of.place(at(0), text(at(1)))} ${flagSet(at(2), ["AT_EMPTY_PATH"])}`,
  mount_setattr: ({ at, of }) => {
    const attributes = fields(at(3));
    const userns = attributes.get("userns_fd") ?? "0";
    const sets = ["attr_set", "attr_clr", "propagation"].map((key) => flagSet(attributes.get(key) ?? ""));
    return [of.place(at(0), text(at(1))), flagSet(at(2), ["AT_EMPTY_PATH"]), ...sets, userns === "0" ? "" : of.name(userns)].join(" ");
  },
  move_mount: ({ at, of }) => `${of.name(at(0))} ${of.place(at(2), text(at(3)))}`,
  umount2: ({ at }) => `${text(at(0))} ${flagSet(at(1))}`,
  setns: ({ at, of }) => `${of.name(at(0))} ${flagSet(at(1))}`,
  unshare: ({ at }) => flagSet(at(0)),
  clone3: ({ at, of }) => {
    const how = fields((at(0).split(" => ")[0] ?? "").trim());
    const cgroup = how.get("cgroup");
    return `${flagSet(how.get("flags") ?? "")} ${how.get("exit_signal") ?? ""} ${cgroup === undefined ? "" : of.name(cgroup)}`;
  },
  fork: () => "",

  sendmsg: ({ at, of }) =>
    passed(at(1))
      .map((descriptor) => of.name(descriptor))
      .join(" "),
  recvmsg: ({ at }) => `${passed(at(1)).length}`,
  ioctl: ({ at, of }) => {
    const size = at(1) === "TIOCSWINSZ" ? fields(at(2)) : null;
    return `${of.name(at(0))} ${at(1)} ${size === null ? "" : `${size.get("ws_row")}x${size.get("ws_col")}`}`;
  },
  umask: ({ at }) => octal(at(0)),
  prlimit64: ({ at }) => {
    const limit = at(2) === "NULL" ? new Map<string, string>() : fields(at(2));
    return [at(1), number(limit.get("rlim_cur") ?? "unchanged"), number(limit.get("rlim_max") ?? "unchanged")].join(" ");
  },
  prctl: ({ args }) => args.join(" ").replace(/( 0)+$/, ""),
  capset: ({ args }) => {
    const sets = fields(args.at(-1) ?? "");
    return ["effective", "permitted", "inheritable"].map((key) => flagSet((sets.get(key) ?? "").replaceAll("1<<", ""))).join(" / ");
  },
  seccomp: ({ at }) => `${at(0)} ${flagSet(at(1))} ${fields(at(2)).get("len") ?? ""}`,
  close_range: ({ at }) => `${at(0)} ${at(1) === "4294967295" ? "~0U" : at(1)} ${flagSet(at(2))}`,
  execve: ({ at }) => `${text(at(0))} ${members(at(1)).map(text).join(" ")} ${at(2)}`,
};

/** `fd:NAME</path>` or `</path>` of a plan; a descriptor of a trace. */
function target(where: string, of: Descriptors): string {
  const [, slot = "", path] = /^(fd:[^<]+)?<(.*)>$/.exec(where) ?? [];
  if (path === undefined) return of.name(where);
  return of.place(slot === "" ? "AT_FDCWD" : slot, path);
}

/** mount(2) reaches a place beneath a slot through the descriptor it was looked up with. */
function hostTarget(path: string, of: Descriptors): string {
  const [, descriptor] = /^\/proc\/self\/fd\/(\d+)$/.exec(path) ?? [];
  return descriptor === undefined ? of.place("AT_FDCWD", path) : of.name(descriptor);
}

/** Quoted text up to the length at which a plan cuts it. */
function text(quoted: string): string {
  return quoted.startsWith('"') ? unquote(quoted).value.slice(0, 160) : quoted;
}

function octal(mode: string): string {
  return Number.parseInt(mode, 8).toString(8);
}

/** Also strace's `4*1024`. */
function number(value: string): string {
  return /^\d+(\*\d+)*$/.test(value) ? `${value.split("*").reduce((product, factor) => product * BigInt(factor), 1n)}` : value;
}

function plain(argument: string): string {
  if (argument.startsWith('"')) return text(argument);
  return argument.startsWith("[") ? `[${members(argument).map(plain).join(" ")}]` : argument;
}

const MOUNT_FLAGS: Readonly<Record<string, bigint>> = {
  MS_RDONLY: 1n,
  MS_NOSUID: 2n,
  MS_NODEV: 4n,
  MS_NOEXEC: 8n,
  MS_BIND: 0x1000n,
  MS_REC: 0x4000n,
  MS_PRIVATE: 0x4_0000n,
  MS_SLAVE: 0x8_0000n,
};

function mountFlags(flags: string): string {
  return `${flags.split("|").reduce((sum, flag) => sum | (MOUNT_FLAGS[flag] ?? BigInt(/^\d|^0x/.test(flag) ? flag : -1)), 0n)}`;
}

/** The descriptors in a message's ancillary data. */
export function passed(message: string): readonly string[] {
  const list = /(?:cmsg_data=|SCM_RIGHTS, )(\[[^\]]*\])/.exec(message)?.[1];
  return list === undefined ? [] : members(list);
}

/** Length and type of each message, and for a link its index and whether it goes up. strace shows a body that it can't decode as bytes. */
function netlinkMessage(messages: string): string {
  const header = /nlmsg_len=(\d+), nlmsg_type=(\w+)/.exec(messages);
  const type = { "0x10": "RTM_NEWLINK", "0x14": "RTM_NEWADDR" }[header?.[2] ?? ""] ?? header?.[2];
  const bytes = /, (".*")\]$/s.exec(messages)?.[1];
  const body = bytes === undefined ? null : new DataView(Uint8Array.from(Buffer.from(unquote(bytes).value, "latin1")).buffer);
  const index = body === null ? (/ifi_index=(?:if_nametoindex\("lo"\)|(\d+))/.exec(messages)?.[1] ?? "1") : `${body.getInt32(4, true)}`;
  const up = body === null ? messages.includes("IFF_UP") : (body.getUint32(8, true) & 1) === 1;
  return `${header?.[1]} ${type} ${index} ${up ? "up" : ""}`;
}
