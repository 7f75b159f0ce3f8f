import type { FlagTable } from "./command-line.ts";

/** What `create` and `run` have in common. */
export const createFlags = {
  bundle: { takes: "value", aliases: ["b"] },
  config: { takes: "value", aliases: ["f"] },
  "console-socket": { takes: "value" },
  "pid-file": { takes: "value" },
  "no-pivot": { takes: "switch" },
  "no-new-keyring": { takes: "switch" },
  "preserve-fds": { takes: "value" },
} as const satisfies FlagTable;
