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

/** Those that end an attached terminal session from outside. */
export const endingSignals: readonly NodeJS.Signals[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"];
