/** What is said of a flag: the word that stands for its value, "" for a switch, and what it does. */
export type FlagHelp = readonly [placeholder: string, text: string];

export interface CommandHelp {
  readonly summary: string;
  /** What follows the command's name. */
  readonly usage: string;
  readonly description?: string;
  readonly examples?: readonly string[];
  readonly flags: Readonly<Record<string, FlagHelp>>;
}

export const globalHelp: CommandHelp["flags"] = {
  root: [
    "DIR",
    "where the containers' states are kept: a tmpfs is best (default: /run/wherry-oci; without root $XDG_RUNTIME_DIR/wherry-oci)",
  ],
  log: ["FILE", "append log lines to this file (default: standard error)"],
  "log-format": ["FORMAT", "text or json (default: text)"],
  debug: ["", "taken, without effect"],
  "systemd-cgroup": ["", "let systemd make the control groups: cgroupsPath is SLICE:PREFIX:NAME"],
  "cgroup-manager": ["NAME", "cgroupfs or systemd, as crun has it (default: cgroupfs)"],
  rootless: ["WHEN", "run without control groups where none may be made: true, false or auto (default: auto, for all but root)"],
  criu: ["FILE", "taken, without effect"],
  version: ["", "print the version"],
  help: ["", "print this help"],
};

const consoleSocket: FlagHelp = ["SOCKET", "AF_UNIX socket that gets the master side of the container's terminal"];
const pidFile: FlagHelp = ["FILE", "write the process's id to this file"];
const preserveFds: FlagHelp = ["N", "pass N further descriptors, from 3 on, after those of $LISTEN_FDS (default: 0)"];
const subreaper: FlagHelp = ["", "taken, without effect: orphans of a container are reaped by its own init"];

const create: CommandHelp["flags"] = {
  bundle: ["DIR", "the bundle: config.json and the root file system (default: the current directory)"],
  config: ["FILE", "the configuration, if it is not the bundle's config.json"],
  "console-socket": consoleSocket,
  "pid-file": pidFile,
  "no-pivot": ["", "use MS_MOVE and chroot instead of pivot_root: for a root file system on a ramdisk"],
  "no-new-keyring": ["", "keep the caller's session keyring"],
  "preserve-fds": preserveFds,
};

const format: FlagHelp = ["FORMAT", "table or json (default: table)"];
const bundleText =
  "A bundle is a directory with a configuration, config.json, and a root file system. The configuration says what is run (process.args)\nand in what surroundings; `spec` writes one to start from. The ID names the container from now on, and must not be in use.";

export const commandHelp: Readonly<Record<string, CommandHelp>> = {
  checkpoint: { summary: "not supported: says so", usage: "ID", flags: {} },
  create: {
    summary: "create a container of a bundle",
    usage: "[options] ID",
    description: `Sets the container up; its process waits until \`start\`.\n\n${bundleText}`,
    flags: create,
  },
  delete: {
    summary: "remove a stopped container, and run its poststop hooks",
    usage: "[options] ID",
    description: "A container that was only created is ended first.",
    flags: { force: ["", "kill it first if it is running; no error if there is none"] },
  },
  events: {
    summary: "print statistics and OOM events, a JSON object a line",
    usage: "[options] ID",
    flags: {
      stats: ["", "print the statistics once"],
      interval: ["DURATION", "time between two statistics (default: 5s)"],
    },
  },
  exec: {
    summary: "run a further process in a container",
    usage: "[options] ID COMMAND [ARGUMENT…]\n       %s exec [options] --process FILE ID",
    description: "Exits as the process does, or with 255 when it could not be started.",
    examples: ["exec box ps", "exec -t -e TERM=xterm box sh"],
    flags: {
      process: ["FILE", "take the whole process from a JSON file"],
      tty: ["", "give it a terminal"],
      detach: ["", "do not wait for it"],
      "console-socket": consoleSocket,
      "pid-file": pidFile,
      user: ["UID[:GID]", "run as this user"],
      "additional-gids": ["GID", "and with this group; may be repeated"],
      cwd: ["DIR", "working directory in the container"],
      env: ["NAME=VALUE", "set a variable; may be repeated"],
      cap: ["CAPABILITY", "add a capability; may be repeated"],
      apparmor: ["PROFILE", "run under this AppArmor profile"],
      "process-label": ["LABEL", "run under this SELinux label"],
      "no-new-privs": ["", "set no_new_privs"],
      "preserve-fds": preserveFds,
      "no-subreaper": subreaper,
      "ignore-paused": ["", "wait until a paused container is resumed, instead of an error"],
      cgroup: ["[CONTROLLER,…:]GROUP", "put it in a group beneath the container's; may be repeated with controllers"],
    },
  },
  features: {
    summary: "print what this runtime can do, as JSON",
    usage: "",
    description: "What it was built with, whatever the host offers: see the runtime specification's features.md.",
    flags: {},
  },
  kill: {
    summary: "send a signal to a container's first process",
    usage: "[options] ID [SIGNAL]",
    description: "SIGNAL is a name, with or without SIG, or a number (default: SIGTERM).",
    examples: ["kill box KILL"],
    flags: { all: ["", "send it to every process of the container"] },
  },
  list: {
    summary: "list the containers",
    usage: "[options]",
    description: "Those of the directory that the global option --root names.",
    flags: { format, quiet: ["", "print the ids alone"] },
  },
  pause: { summary: "freeze all processes of a container", usage: "ID", flags: {} },
  ps: {
    summary: "list the processes of a container",
    usage: "[options] ID [OPTION OF PS…]",
    description: "The options of ps(1) are -ef if none are given.",
    flags: { format },
  },
  restore: { summary: "not supported: says so", usage: "ID", flags: {} },
  resume: { summary: "thaw a container that was paused", usage: "ID", flags: {} },
  run: {
    summary: "create a container, start it, and wait for its end",
    usage: "[options] ID",
    description: `Exits as the process does, with 128 + N when signal N ended it, and removes the container.\n\n${bundleText}`,
    flags: {
      ...create,
      detach: ["", "do not wait for it, nor remove it"],
      keep: ["", "do not remove it when it ends"],
      "no-subreaper": subreaper,
    },
  },
  spec: {
    summary: "write a configuration to start from",
    usage: "[options]",
    description:
      "Writes config.json, which must not be there yet: a shell with few capabilities on a terminal, in the root file system `rootfs`.\nChange it as you need it:",
    examples: ["spec", "run -b . box"],
    flags: {
      bundle: ["DIR", "where to write it (default: the current directory)"],
      rootless: ["", "for a container that the calling user runs without being root"],
    },
  },
  start: { summary: "start the process of a container that was created", usage: "ID", flags: {} },
  state: { summary: "print the state of a container, as JSON", usage: "ID", flags: {} },
  update: {
    summary: "change a container's limits",
    usage: "[options] ID",
    description:
      'Limits that are not named, or are 0, stay as they are. The file of --resources is what linux.resources is in a configuration:\n\n    { "memory": { "limit": 67108864 }, "cpu": { "shares": 512 }, "pids": { "limit": 100 } }',
    flags: {
      resources: ["FILE", "take them from a JSON file, - for standard input; the other options count for nothing then"],
      "blkio-weight": ["WEIGHT", "share of the disk, from 10 to 1000"],
      "cpu-period": ["MICROSECONDS", "period of --cpu-quota"],
      "cpu-quota": ["MICROSECONDS", "processor time in a period"],
      "cpu-burst": ["MICROSECONDS", "unused processor time that may be saved up"],
      "cpu-share": ["SHARES", "share of the processors, relative to other containers"],
      "cpu-rt-period": ["MICROSECONDS", "period of --cpu-rt-runtime"],
      "cpu-rt-runtime": ["MICROSECONDS", "real-time processor time in a period (cgroup v1)"],
      "cpu-idle": ["0|1", "run only when nobody else wants the processor"],
      "cpuset-cpus": ["LIST", "processors, as 0-3,5"],
      "cpuset-mems": ["LIST", "memory nodes, as 0-1"],
      "kernel-memory": ["BYTES", "without effect: the kernel has had no such limit since 5.16"],
      "kernel-memory-tcp": ["BYTES", "memory of TCP buffers (cgroup v1)"],
      memory: ["BYTES", "memory, -1 for no limit; 64m and the like are understood"],
      "memory-reservation": ["BYTES", "memory to leave to it when there is little"],
      "memory-swap": ["BYTES", "memory and swap together, -1 for no limit"],
      "pids-limit": ["COUNT", "processes and threads"],
      "l3-cache-schema": ["SCHEMA", "Intel RDT: share of the L3 cache"],
      "mem-bw-schema": ["SCHEMA", "Intel RDT: memory bandwidth"],
    },
  },
};
