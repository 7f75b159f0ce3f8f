import type { ErrnoName } from "../core/errno.ts";
import type { Slot } from "./slot.ts";

export interface OperationSpec {
  readonly code: number;
  /** One letter per argument; launcher/operations.def explains them. */
  readonly signature: string;
  /** Of `H`, `P`, `C`, `T`: where it may stand. */
  readonly sections: string;
}

/** launcher/operations.def as data; a test compares the two entry by entry. */
export const OPERATIONS = {
  OPEN: { code: 1, signature: "dsuuuo", sections: "HPC" },
  MKDIRP: { code: 2, signature: "dsuuu", sections: "HPC" },
  TOUCH: { code: 3, signature: "dsu", sections: "HPC" },
  SYMLINK: { code: 4, signature: "dss", sections: "HPC" },
  MKNOD: { code: 5, signature: "dsuuuuu", sections: "HPC" },
  WRITE: { code: 6, signature: "dsb", sections: "HPC" },
  WRITEPID: { code: 7, signature: "ds", sections: "HP" },
  CLOSE: { code: 8, signature: "F", sections: "HPC" },
  PIPE: { code: 9, signature: "oo", sections: "HPC" },
  CHOWN: { code: 10, signature: "fuu", sections: "HPC" },
  CHDIR: { code: 11, signature: "ds", sections: "HPC" },

  FS: { code: 20, signature: "svvFuo", sections: "HPC" },
  MOUNT: { code: 21, signature: "sdssus", sections: "HPC" },
  TREE: { code: 22, signature: "dsuo", sections: "HPC" },
  ATTR: { code: 23, signature: "dsuuuug", sections: "HPC" },
  MOVE: { code: 24, signature: "fds", sections: "HPC" },
  PIVOT: { code: 25, signature: "f", sections: "C" },
  UMOUNT: { code: 26, signature: "su", sections: "HPC" },
  CHROOT: { code: 27, signature: "f", sections: "C" },
  COPYUP: { code: 28, signature: "fds", sections: "C" },
  LOOP: { code: 29, signature: "so", sections: "H" },

  PIDFD: { code: 40, signature: "uuo", sections: "HP" },
  SETNS: { code: 41, signature: "fu", sections: "HPC" },
  UNSHARE: { code: 42, signature: "u", sections: "HPC" },
  CLONE: { code: 43, signature: "ugg", sections: "H" },
  IDMAP: { code: 44, signature: "bb", sections: "P" },
  OPENCHILD: { code: 45, signature: "suo", sections: "P" },

  DEVICES: { code: 46, signature: "fb", sections: "HP" },
  REHOME: { code: 47, signature: "f", sections: "H" },
  USERNS: { code: 48, signature: "bbo", sections: "HP" },

  NETLINK: { code: 50, signature: "ubb", sections: "HPC" },

  SETSID: { code: 60, signature: "", sections: "C" },
  PTY: { code: 61, signature: "dsuuoo", sections: "C" },
  STDIO: { code: 62, signature: "ggg", sections: "C" },
  CTTY: { code: 63, signature: "f", sections: "C" },
  NAMES: { code: 64, signature: "ss", sections: "C" },
  RLIMIT: { code: 65, signature: "uuu", sections: "C" },
  UMASK: { code: 66, signature: "u", sections: "C" },
  PERSONALITY: { code: 67, signature: "u", sections: "C" },
  KEYRING: { code: 68, signature: "s", sections: "C" },
  PDEATHSIG: { code: 69, signature: "u", sections: "C" },
  DUMPABLE: { code: 70, signature: "u", sections: "HC" },
  REAPER: { code: 71, signature: "", sections: "C" },
  SCHEDULER: { code: 72, signature: "b", sections: "C" },
  IOPRIO: { code: 73, signature: "u", sections: "C" },
  AFFINITY: { code: 74, signature: "b", sections: "HPC" },
  MEMPOLICY: { code: 75, signature: "ub", sections: "C" },

  BOUNDING: { code: 80, signature: "u", sections: "C" },
  IDS: { code: 81, signature: "uub", sections: "C" },
  CAPSET: { code: 82, signature: "uuu", sections: "C" },
  AMBIENT: { code: 83, signature: "u", sections: "C" },
  NNP: { code: 84, signature: "", sections: "C" },
  SECCOMP: { code: 85, signature: "bu", sections: "C" },
  CLOSERANGE: { code: 86, signature: "uuu", sections: "C" },
  EXEC: { code: 87, signature: "vvv", sections: "C" },
  LISTENER: { code: 88, signature: "buo", sections: "C" },

  GIVE: { code: 90, signature: "F", sections: "PC" },
  TAKE: { code: 91, signature: "O", sections: "PC" },
  TELL: { code: 92, signature: "s", sections: "P" },
  HOLD: { code: 93, signature: "s", sections: "P" },
  HOOK: { code: 95, signature: "svvvu", sections: "PC" },
  STARTWAIT: { code: 96, signature: "ffv", sections: "C" },
  SENDFD: { code: 97, signature: "fsv", sections: "P" },
  KEEPFDS: { code: 98, signature: "u", sections: "C" },
  SERVE: { code: 99, signature: "fu", sections: "H" },

  MONITOR: { code: 100, signature: "ggggsusuuuvv", sections: "T" },
  DETACH: { code: 101, signature: "", sections: "T" },
} as const satisfies Readonly<Record<string, OperationSpec>>;

export type OperationName = keyof typeof OPERATIONS;

export type Section = "host" | "parent" | "child" | "tail";

type ArgumentOf<Letter extends string> = Letter extends "u"
  ? number | bigint
  : Letter extends "s"
    ? string
    : Letter extends "b"
      ? Uint8Array
      : Letter extends "f" | "o"
        ? Slot
        : Letter extends "d" | "g"
          ? Slot | null
          : Letter extends "v"
            ? readonly string[]
            : Letter extends "F" | "O"
              ? readonly Slot[]
              : never;

type ArgumentsOf<Signature extends string> = Signature extends `${infer Letter}${infer Rest}`
  ? readonly [ArgumentOf<Letter>, ...ArgumentsOf<Rest>]
  : readonly [];

/** The arguments that an operation takes, derived from its signature. */
export type OperationArguments<Name extends OperationName> = ArgumentsOf<(typeof OPERATIONS)[Name]["signature"]>;

export type IgnoredErrors = readonly ErrnoName[] | "any";

interface OperationOf<Name extends OperationName> {
  readonly name: Name;
  readonly section: Section;
  readonly args: OperationArguments<Name>;
  /** At most two, or any; with one of these errors the plan goes on, and later operations on the slots that stay empty are skipped. */
  readonly ignore: IgnoredErrors;
  /** One line for `--explain`: why this step is there. */
  readonly why: string;
  /** For error messages, where the operation alone says too little: "mount proc on `/proc`". */
  readonly doing?: string;
}

/** One step of a plan, discriminated by its name. */
export type Operation = { readonly [Name in OperationName]: OperationOf<Name> }[OperationName];

/** A compiled plan: what the launcher will do, step by step, in this order. */
export interface LaunchPlan {
  readonly operations: readonly Operation[];
  /** In the order of their numbers. */
  readonly slots: readonly Slot[];
}
