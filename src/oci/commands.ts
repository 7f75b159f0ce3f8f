import type { OciCommand } from "./oci-context.ts";

/** Loaded one at a time: an engine calls a runtime several times for each container. */
export const commands: Readonly<Record<string, () => Promise<OciCommand>>> = {
  create: async () => (await import("./commands/create.ts")).create,
  delete: async () => (await import("./commands/delete.ts")).deleteCommand,
  exec: async () => (await import("./commands/exec.ts")).exec,
  kill: async () => (await import("./commands/kill.ts")).kill,
  run: async () => (await import("./commands/run.ts")).run,
  start: async () => (await import("./commands/start.ts")).start,
  state: async () => (await import("./commands/state.ts")).state,
};
