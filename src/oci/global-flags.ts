import type { FlagTable } from "./command-line.ts";

/** What may stand before the command: runc's, and crun's `--cgroup-manager`. */
export const globalFlags = {
  root: { takes: "value" },
  log: { takes: "value" },
  "log-format": { takes: "value" },
  debug: { takes: "switch" },
  "systemd-cgroup": { takes: "switch" },
  "cgroup-manager": { takes: "value" },
  rootless: { takes: "value" },
  criu: { takes: "value" },
  version: { takes: "switch", aliases: ["v"] },
  help: { takes: "switch", aliases: ["h"] },
} as const satisfies FlagTable;
