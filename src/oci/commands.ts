import type { OciCommand } from "./oci-context.ts";

/** Loaded one at a time: an engine calls a runtime several times for each container. */
export const commands: Readonly<Record<string, () => Promise<OciCommand>>> = {
  checkpoint: async () => (await import("./commands/checkpoint.ts")).checkpoint,
  create: async () => (await import("./commands/create.ts")).create,
  delete: async () => (await import("./commands/delete.ts")).deleteCommand,
  events: async () => (await import("./commands/events.ts")).events,
  exec: async () => (await import("./commands/exec.ts")).exec,
  features: async () => (await import("./commands/features.ts")).features,
  kill: async () => (await import("./commands/kill.ts")).kill,
  list: async () => (await import("./commands/list.ts")).list,
  pause: async () => (await import("./commands/pause.ts")).pause,
  ps: async () => (await import("./commands/ps.ts")).ps,
  restore: async () => (await import("./commands/checkpoint.ts")).restore,
  resume: async () => (await import("./commands/pause.ts")).resume,
  run: async () => (await import("./commands/run.ts")).run,
  spec: async () => (await import("./commands/spec.ts")).spec,
  start: async () => (await import("./commands/start.ts")).start,
  state: async () => (await import("./commands/state.ts")).state,
  update: async () => (await import("./commands/update.ts")).update,
};
