import type { PlanExtensions } from "../plan-extensions.ts";
import { runCreateHooks, runStartHooks } from "./hooks.ts";
import { joinIntelRdt, prepareIntelRdt } from "./intel-rdt.ts";
import { moveNetDevices } from "./net-devices.ts";
import { bindToInitialProcessors, scheduleProcess } from "./scheduling.ts";
import { loadNotifyingFilter } from "./seccomp-listener.ts";

/** All of the runtime specification for Linux that Wherry's own containers have no use for. */
export const ociExtensions: PlanExtensions = {
  prepare: (context) => {
    bindToInitialProcessors(context);
    if (context.input.execInto === undefined) prepareIntelRdt(context);
  },
  outside: joinIntelRdt,
  beforePivot: (context) => {
    moveNetDevices(context);
    runCreateHooks(context);
  },
  schedule: scheduleProcess,
  filter: loadNotifyingFilter,
  beforeExec: runStartHooks,
};
