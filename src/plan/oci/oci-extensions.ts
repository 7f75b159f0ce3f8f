import type { PlanExtensions } from "../plan-extensions.ts";
import { runCreateHooks, runStartHooks } from "./hooks.ts";
import { bindToInitialProcessors, scheduleProcess } from "./scheduling.ts";
import { loadNotifyingFilter } from "./seccomp-listener.ts";

/** All of the runtime specification for Linux that Wherry's own containers have no use for. */
export const ociExtensions: PlanExtensions = {
  prepare: bindToInitialProcessors,
  outside: () => {},
  beforePivot: runCreateHooks,
  schedule: scheduleProcess,
  filter: loadNotifyingFilter,
  beforeExec: runStartHooks,
};
