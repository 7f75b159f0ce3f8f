/**
 * What `--sig-proxy` hands on: all that can be caught, except those that are about ourselves (SIGCHLD, SIGPIPE, SIGURG as docker, and the
 * synchronous faults).
 */
export const forwardedSignals: readonly NodeJS.Signals[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTSTP",
  "SIGCONT",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
  "SIGIO",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGPWR",
  "SIGSYS",
];

/** Those that end an attached terminal session from outside, with their numbers, for the exit code. @see signal(7) */
export const endingSignals: readonly (readonly [NodeJS.Signals, number])[] = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
  ["SIGTERM", 15],
];
