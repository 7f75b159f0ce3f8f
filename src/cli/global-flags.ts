import { stringFlag, switchFlag } from "./flags/flag-spec.ts";

/** The flags before the verb. */
export const globalFlags = {
  debug: switchFlag("Print stack traces with errors", { short: "D" }),
  help: switchFlag("Print this text"),
  host: stringFlag("Server to talk to (not implemented yet; none is needed)", { short: "H" }),
  root: stringFlag("Directory of containers, images and layers", { defaultText: '"/var/lib/wherry"' }),
  "run-root": stringFlag("Directory of sockets and of what need not survive a reboot", { defaultText: '"/run/wherry"' }),
  version: switchFlag("Print version information", { short: "v" }),
} as const;
