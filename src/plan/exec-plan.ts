import { enterCgroups, leaveCgroups, prepareCgroups, rehome } from "./cgroup-steps.ts";
import { becomeUser } from "./credentials.ts";
import { CLONE, O } from "./kernel-flags.ts";
import { stayOrLeave } from "./monitor-steps.ts";
import { NAMESPACES } from "./namespaces.ts";
import type { OciNamespaceType } from "./oci-config.ts";
import type { LaunchPlan } from "./operations.ts";
import { createPlanContext, type PlanContext } from "./plan-context.ts";
import type { PlanInput, ProcessReference } from "./plan-input.ts";
import { refuseUnsupported, setOomScore, setPersonalState, setPersonality } from "./process.ts";
import type { Slot } from "./slot.ts";
import { closeChildEnds, NO_STDIO, preparePipes } from "./stdio.ts";
import { openTerminal, takeStdio } from "./terminal.ts";
import { enterUserNamespace } from "./unprivileged.ts";

/**
 * A further process in a running container. It is cloned into the container's pid namespace and cgroups, then joins the rest, credentials and
 * filter as the container's own. The target is named by pid and start time, so a later process with the same pid is never entered.
 * @throws {EngineError} as compilePlan
 */
export function compileExecPlan(input: PlanInput, target: ProcessReference): LaunchPlan {
  // --init is the container's first process alone.
  const context = createPlanContext({ ...input, reaper: false });
  const { plan } = context;
  refuseUnsupported(context);
  const terminal = context.process.terminal === true;
  enterUserNamespace(context);
  rehome(plan, input.cgroups);
  const stdio = terminal ? NO_STDIO : preparePipes(context);
  const { cloneInto } = prepareCgroups(plan, input.cgroups, true);
  const process = plan.slot("target");
  plan.host("PIDFD", [target.pid, target.startTime, process], {
    why: "the container's process, and no later one with its pid",
    doing: "find the container's process",
  });
  const ownPid = joinPidNamespace(context, process);
  input.extensions?.prepare(context);
  enterCgroups(plan, input.cgroups);
  plan.host("CLONE", [0, cloneInto, null], { why: "the new process", doing: "clone the new process" });
  leaveCgroups(plan, input.cgroups);
  if (ownPid !== null) plan.parent("SETNS", [ownPid, CLONE.CLONE_NEWPID], { why: "the monitor's own children belong to the host" });
  // While it joins namespaces one by one, a process of the container must not be able to trace it and reach its descriptors.
  plan.child("DUMPABLE", [0], { why: "no process of the container can look into the launcher (CVE-2016-9962)" });
  joinOthers(context, process);
  plan.child("OPEN", [null, "/", O.O_PATH | O.O_CLOEXEC, 0, 0, context.root], { why: "the container's root" });
  setOomScore(context);
  const console = terminal ? openTerminal(context) : null;
  takeStdio(context, stdio, console);
  setPersonality(context);
  setPersonalState(context);
  becomeUser(context, null);
  closeChildEnds(context, stdio);
  stayOrLeave(context, stdio, console?.master ?? null);
  return plan.build();
}

/** HOST: a pid namespace only takes effect for children. Without the host's root's rights there is no way back to its own. */
function joinPidNamespace(context: PlanContext, process: Slot): Slot | null {
  const { plan, own, joined, input } = context;
  if (!own.has("pid") && !joined.has("pid")) return null;
  const slot = input.unprivileged === undefined ? plan.slot("own-pid") : null;
  if (slot !== null)
    plan.host("OPEN", [null, "/proc/self/ns/pid", O.O_CLOEXEC, 0, 0, slot], { why: "the launcher's own pid namespace, to come back to" });
  plan.host("SETNS", [process, CLONE.CLONE_NEWPID], {
    why: "children are born in the container's pid namespace",
    doing: "join the container's pid namespace",
  });
  return slot;
}

/** CHILD: all in one call. One after the other, joining the user namespace first would take away the right to join the time namespace. */
function joinOthers(context: PlanContext, process: Slot): void {
  const { plan, own, joined, mappings, input } = context;
  const kinds: OciNamespaceType[] = (["mount", "uts", "ipc", "network", "cgroup", "time", "user"] as const).filter(
    (type) => own.has(type) || joined.has(type),
  );
  const wanted = kinds.filter((type) => type !== "time" || input.features.timeNamespaces);
  const flags = wanted.reduce((sum, type) => sum | NAMESPACES[type].flag, 0);
  if (flags !== 0)
    plan.child("SETNS", [process, flags], { why: `the container's ${wanted.join(", ")}`, doing: "join the container's namespaces" });
  if (mappings !== null)
    plan.child("IDS", [0, 0, new Uint8Array(0)], { why: "root in the user namespace", doing: "become root in the user namespace" });
}
