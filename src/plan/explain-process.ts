import { ALL_CAPABILITIES, capabilityNames } from "./capability-bits.ts";
import { CLOSE_RANGE_CLOEXEC, SIGKILL } from "./kernel-flags.ts";
import { MONITOR_FLAGS } from "./monitor-steps.ts";
import { ioPriority, memoryPolicy, schedulerAttributes, setBits } from "./oci/explain-scheduling.ts";
import { RLIMITS } from "./process.ts";
import { directory, type Explainers, fd, hex, octal, quote, quoteList, symbolic } from "./strace-format.ts";
import type { Slot } from "./slot.ts";

type ProcessOperation =
  | "SETSID"
  | "PTY"
  | "STDIO"
  | "CTTY"
  | "NAMES"
  | "RLIMIT"
  | "UMASK"
  | "PERSONALITY"
  | "KEYRING"
  | "PDEATHSIG"
  | "DUMPABLE"
  | "REAPER"
  | "SCHEDULER"
  | "IOPRIO"
  | "AFFINITY"
  | "MEMPOLICY"
  | "HOOK"
  | "LISTENER"
  | "BOUNDING"
  | "IDS"
  | "CAPSET"
  | "AMBIENT"
  | "NNP"
  | "SECCOMP"
  | "CLOSERANGE"
  | "EXEC"
  | "GIVE"
  | "TAKE"
  | "TELL"
  | "HOLD"
  | "STARTWAIT"
  | "SENDFD"
  | "KEEPFDS"
  | "SERVE"
  | "MONITOR"
  | "DETACH";

const BPF_INSTRUCTION_BYTES = 8;
const SECCOMP_FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER: 8,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH: 16,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** The process, its credentials, and how the three parties wait for one another. */
export const explainProcess: Explainers<ProcessOperation> = {
  SETSID: { man: "setsid(2)", calls: () => ["setsid()"] },
  PTY: {
    man: "ioctl_tty(2)",
    calls: (dir, path, rows, columns, master, slave) => [
      `openat2(${directory(dir)}, ${quote(path)}, {flags=O_RDWR|O_NOCTTY|O_CLOEXEC, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}) = ${fd(master)}`,
      `ioctl(${fd(master)}, TIOCSPTLCK, [0])`,
      `ioctl(${fd(master)}, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC) = ${fd(slave)}`,
      `ioctl(${fd(slave)}, TIOCSWINSZ, {ws_row=${rows}, ws_col=${columns}})`,
    ],
  },
  STDIO: {
    man: "dup(2)",
    calls: (...streams) => streams.flatMap((slot, number) => (slot === null ? [] : [`dup2(${fd(slot)}, ${number})`])),
  },
  CTTY: { man: "ioctl_tty(2)", calls: (slot) => [`ioctl(${fd(slot)}, TIOCSCTTY, 0)`] },
  NAMES: {
    man: "sethostname(2)",
    calls: (host, domain) => [
      ...(host === "" ? [] : [`sethostname(${quote(host)}, ${Buffer.byteLength(host)})`]),
      ...(domain === "" ? [] : [`setdomainname(${quote(domain)}, ${Buffer.byteLength(domain)})`]),
    ],
  },
  RLIMIT: {
    man: "prlimit(2)",
    calls: (resource, soft, hard) => [`prlimit64(0, ${limitName(resource)}, {rlim_cur=${limit(soft)}, rlim_max=${limit(hard)}})`],
  },
  UMASK: { man: "umask(2)", calls: (mask) => [`umask(${octal(mask)})`] },
  PERSONALITY: { man: "personality(2)", calls: (persona) => [`personality(${symbolic(persona, { PER_LINUX32: 8 })})`] },
  KEYRING: { man: "keyctl(2)", calls: (name) => [`keyctl(KEYCTL_JOIN_SESSION_KEYRING, ${name === "" ? "NULL" : quote(name)})`] },
  PDEATHSIG: {
    man: "PR_SET_PDEATHSIG(2const)",
    calls: (signal) => [`prctl(PR_SET_PDEATHSIG, ${BigInt(signal) === BigInt(SIGKILL) ? "SIGKILL" : signal})`],
  },
  DUMPABLE: {
    man: "PR_SET_DUMPABLE(2const)",
    calls: (value) => [`prctl(PR_SET_DUMPABLE, ${BigInt(value) === 0n ? "SUID_DUMP_DISABLE" : value})`],
  },
  REAPER: { man: "fork(2)", calls: () => ["fork() = <pid>", "setpgid(0, 0)", "ioctl(0, TIOCSPGRP, [<pid>])"] },

  SCHEDULER: { man: "sched_setattr(2)", calls: (bytes) => [`sched_setattr(0, ${schedulerAttributes(bytes)}, 0)`] },
  IOPRIO: { man: "ioprio_set(2)", calls: (value) => [`ioprio_set(IOPRIO_WHO_PROCESS, 0, ${ioPriority(Number(value))})`] },
  AFFINITY: { man: "sched_setaffinity(2)", calls: (mask) => [`sched_setaffinity(0, ${mask.length}, ${setBits(mask)})`] },
  MEMPOLICY: { man: "set_mempolicy(2)", calls: (mode, nodes) => [`set_mempolicy(${memoryPolicy(Number(mode), nodes)})`] },
  HOOK: {
    man: "execve(2)",
    calls: (path, argv, env, state, timeout) => [
      "fork()",
      `execve(${quote(path)}, ${quoteList(argv)}, [${env.length} variables]) < ${quote(state.join("<pid>"))}`,
      `waitid(P_PID, <pid>, WEXITED)${BigInt(timeout) === 0n ? "" : ` for at most ${timeout} ms`}`,
    ],
  },

  BOUNDING: { man: "capabilities(7)", calls: (kept) => [`prctl(PR_CAPBSET_DROP, ${capabilities(ALL_CAPABILITIES & ~BigInt(kept))})`] },
  IDS: {
    man: "credentials(7)",
    calls: (uid, gid, groups) => [
      "prctl(PR_SET_KEEPCAPS, 1)",
      `setgroups(${groups.length / 4}, [${groupIds(groups).join(", ")}])`,
      `setresgid(${gid}, ${gid}, ${gid})`,
      `setresuid(${uid}, ${uid}, ${uid})`,
      ...(BigInt(uid) === 0n ? [] : ["capset({effective=permitted})"]),
    ],
  },
  CAPSET: {
    man: "capset(2)",
    calls: (effective, permitted, inheritable) => [
      `capset({effective=${capabilities(effective)}, permitted=${capabilities(permitted)}, inheritable=${capabilities(inheritable)}})`,
    ],
  },
  AMBIENT: {
    man: "capabilities(7)",
    calls: (mask) => [
      "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)",
      `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, ${capabilities(mask)})`,
    ],
  },
  NNP: { man: "PR_SET_NO_NEW_PRIVS(2const)", calls: () => ["prctl(PR_SET_NO_NEW_PRIVS, 1)"] },
  SECCOMP: {
    man: "seccomp(2)",
    calls: (program, flags) => [
      `seccomp(SECCOMP_SET_MODE_FILTER, ${symbolic(flags, SECCOMP_FLAGS)}, {len=${program.length / BPF_INSTRUCTION_BYTES}, ...})`,
    ],
  },
  LISTENER: {
    man: "seccomp_unotify(2)",
    calls: (program, flags, out) => [
      `seccomp(SECCOMP_SET_MODE_FILTER, ${symbolic(BigInt(flags) | 8n, SECCOMP_FLAGS)}, {len=${program.length / BPF_INSTRUCTION_BYTES}, ...}) = ${fd(out)}`,
    ],
  },
  CLOSERANGE: {
    man: "close_range(2)",
    calls: (first, last, flags) => [
      `close_range(${first}, ${BigInt(last) === 0xffff_ffffn ? "~0U" : last}, ${symbolic(flags, { CLOSE_RANGE_CLOEXEC })})`,
    ],
  },
  EXEC: {
    man: "execve(2)",
    calls: (candidates, argv, env) => candidates.map((path) => `execve(${quote(path)}, ${quoteList(argv)}, [${env.length} variables])`),
  },

  GIVE: { man: "unix(7)", calls: (slots) => [`sendmsg(<sync>, ${ancillary(slots)})`] },
  TAKE: { man: "unix(7)", calls: (slots) => [`recvmsg(<sync>, ${ancillary(slots)})`] },
  TELL: { man: "unix(7)", calls: (point) => [`write(<client>, {TELL, pid=<pid>, ${quote(point)}})`] },
  HOLD: { man: "unix(7)", calls: (point) => [`read(<client>, {GO, ${quote(point)}})`] },
  STARTWAIT: { man: "fifo(7)", calls: (start) => ["close(<report>)", `read(${fd(start)}, <go>, 1)`] },
  KEEPFDS: { man: "dup(2)", calls: (count) => Array.from({ length: Number(count) }, (_, index) => `dup2(${index + 4}, ${index + 3})`) },
  SERVE: { man: "dup(2)", calls: (slot, number) => [`dup3(${fd(slot)}, ${number}, O_CLOEXEC)`, "serve(<client>)"] },
  SENDFD: { man: "unix(7)", calls: (slot, path, text) => [`sendmsg(${quote(path)}, ${quote(text.join("<pid>"))}, ${ancillary([slot])})`] },

  MONITOR: {
    man: "poll(2)",
    calls: (console, input, output, error, directory, flags, log, bytes, files, buffer, hook) => [
      `monitor({${Object.entries({ console, stdin: input, stdout: output, stderr: error })
        .flatMap(([name, slot]) => (slot === null ? [] : [`${name}=${fd(slot)}`]))
        .concat(
          `directory=${quote(directory)}`,
          `flags=${symbolic(flags, MONITOR_FLAGS)}`,
          log === "" ? [] : [`log=${quote(log)}, ${bytes} bytes, ${files} files`],
          `buffer=${buffer}`,
          hook.length === 0 ? [] : [`hook=${quoteList(hook)}`],
        )
        .join(", ")}})`,
    ],
  },
  DETACH: { man: "exit(2)", calls: () => ["exit_group(0)"] },
};

function capabilities(mask: number | bigint): string {
  const wide = BigInt(mask);
  if (wide === 0n) return "0";
  const rest = wide & ~ALL_CAPABILITIES;
  return [...capabilityNames(wide), ...(rest === 0n ? [] : [hex(rest)])].join("|");
}

function ancillary(slots: readonly Slot[]): string {
  return slots.length === 0 ? "{}" : `{SCM_RIGHTS, [${slots.map(fd).join(", ")}]}`;
}

function groupIds(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true));
}

function limitName(resource: number | bigint): string {
  return Object.entries(RLIMITS).find(([, number]) => BigInt(number) === BigInt(resource))?.[0] ?? `${resource}`;
}

function limit(value: number | bigint): string {
  return BigInt(value) === UNLIMITED ? "RLIM64_INFINITY" : `${value}`;
}
