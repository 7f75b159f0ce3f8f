import type { CallText } from "./call-text.ts";

/** Calls that only read, wait, or manage the caller's own memory and table of descriptors. */
export const HARMLESS: ReadonlySet<string> = new Set([
  "arch_prctl",
  "brk",
  "capget",
  "fcntl",
  "fstat",
  "fstatfs",
  "getcwd",
  "geteuid",
  "getpgrp",
  "getpgid",
  "getpid",
  "gettid",
  "madvise",
  "mmap",
  "mprotect",
  "munmap",
  "poll",
  "read",
  "recvfrom",
  "restart_syscall",
  "set_tid_address",
  "statfs",
]);

interface Allowance {
  /** On the call as strace prints it. */
  readonly call: RegExp;
  /** On the name of the planned call that comes next. */
  readonly before?: RegExp;
  /** Only after the plan's own PDEATHSIG. */
  readonly armed?: true;
  readonly why: string;
}

/** State-changing calls that no step of a plan names: docs/plan-protocol.md does. */
const ALLOWANCES: readonly Allowance[] = [
  { call: /^umask\(000\)/, why: "the launcher masks nothing until UMASK" },
  { call: /^rt_sigaction\(SIGPIPE, \{sa_handler=SIG_IGN/, why: "a client that goes must not kill the launcher" },
  { call: /^(pipe2\(.*O_CLOEXEC|socketpair\(AF_UNIX, SOCK_SEQPACKET\|SOCK_CLOEXEC)/, before: /^clone3$/, why: "CLONE's report and sync" },
  { call: /^(socket\(AF_NETLINK|setsockopt\(\d+, SOL_NETLINK)/, before: /^sendto$/, why: "NETLINK's own socket" },
  { call: /^prctl\(PR_CAPBSET_DROP, .* = -1 EINVAL/, why: "BOUNDING finds the kernel's last capability" },
  {
    call: /^prctl\(PR_SET_PDEATHSIG, SIGKILL\)/,
    armed: true,
    why: "IDS, CAPSET and REAPER arm it again: credential changes and fork clear it",
  },
  {
    call: /^rt_sig(action|procmask)\(/,
    before: /^(fork|setpgid|ioctl|execve)$/,
    why: "EXEC resets signals, REAPER keeps some from its child",
  },
  { call: /^rt_sigprocmask\(SIG_SETMASK, \[\]/, why: "REAPER's child has its mask back" },
  { call: /^writev\(\d+, \[\{iov_base="\\0\\0\\0\\0\\377/, before: /^execve$/, why: "EXEC says that it is about to" },
];

export function isAllowed(call: CallText, { next, armed }: { readonly next: string; readonly armed: boolean }): boolean {
  return ALLOWANCES.some(
    (allowance) => allowance.call.test(call.text) && (allowance.before?.test(next) ?? true) && (armed || allowance.armed !== true),
  );
}

/** Failures that an operation passes over by itself: without a terminal there is no foreground; EXEC tries its candidates. */
export const BEST_EFFORT = /^(ioctl\(.*TIOCSPGRP|ioctl\(.*TIOCSWINSZ|execve\()/;

/** MONITOR prepares while the child is busy: signals and session of its own, its socket, the file `started`. */
const MONITOR: readonly RegExp[] = [
  /^rt_sigaction\(/,
  /^setsid\(\)/,
  /^umask\((0177|000)\)/,
  /^socket\(AF_UNIX, SOCK_STREAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK/,
  /^unlinkat\(\d+, "attach\.sock", 0\)/,
  /^bind\(\d+, \{sa_family=AF_UNIX, sun_path="\/proc\/self\/fd\/\d+\/attach\.sock"\}/,
  /^listen\(/,
  /^openat\(\d+, "\.started\.tmp", O_WRONLY\|O_CREAT\|O_TRUNC\|O_LARGEFILE\|O_NOFOLLOW\|O_CLOEXEC, 0600\)/,
  /^write\(\d+, "pid \d+\\nstart \d+\\nmonitor \d+\\nmonitor-start \d+\\ntime \d+\\n"/,
  /^renameat\(\d+, "\.started\.tmp", \d+, "started"\)/,
];

export function isMonitors(call: CallText): boolean {
  return MONITOR.some((pattern) => pattern.test(call.text));
}

/** What PID 1 does as a reaper: it drops its capabilities, waits, forwards signals, and ends. */
export const REAPER: ReadonlySet<string> = new Set([
  "capset",
  "close_range",
  "exit_group",
  "kill",
  "rt_sigtimedwait",
  "rt_sigprocmask",
  "wait4",
]);
