import type { OciSeccomp } from "../oci-config.ts";
import { configInvalid, type PlanContext } from "../plan-context.ts";
import { containerState, plannedState, withoutPid } from "./container-state.ts";

/** linux/seccomp.h: with these two together the kernel wants the third, to tell a failed synchronization from a descriptor. */
const TSYNC = 1;
const TSYNC_ESRCH = 16;

/**
 * CHILD and PARENT: a filter with `SCMP_ACT_NOTIFY`. Its agent gets the descriptor from the launcher, over the socket `listenerPath`, with
 * what it is told of the process; what the process does from then on, the exec included, may be the agent's to allow.
 * @returns false when nothing is notified: the filter is loaded as usual.
 * @throws {EngineError} CONFIG_INVALID
 * @see runtime-spec config-linux.md#containerprocessstate, seccomp_unotify(2)
 */
export function loadNotifyingFilter(context: PlanContext): boolean {
  const { plan, linux, input } = context;
  const { seccomp } = linux;
  if (seccomp === undefined || !notifies(seccomp)) return false;
  const { listenerPath = "", listenerMetadata = "" } = seccomp;
  if (listenerPath === "") throw configInvalid("`linux.seccomp.listenerPath` is missing, without which nobody answers SCMP_ACT_NOTIFY");
  if (input.seccompProgram === undefined) throw new RangeError("`linux.seccomp` has to be compiled first, into `seccompProgram`");
  const { program, flags } = input.seccompProgram;
  const slot = plan.slot("seccomp");
  plan.child("LISTENER", [program, (flags & TSYNC) === 0 ? flags : flags | TSYNC_ESRCH, slot], {
    why: "the system calls that it may make, and those that an agent is asked about",
    doing: "load the seccomp filter",
  });
  plan.child("GIVE", [[slot]], { why: "through which the agent is asked" });
  plan.parent("TAKE", [[slot]], { why: "through which the agent is asked", doing: "wait for the seccomp filter" });
  plan.parent("SENDFD", [slot, listenerPath, withoutPid(processState(context, listenerMetadata))], {
    why: "the agent that answers for the process",
    doing: `hand the seccomp filter to the agent at \`${listenerPath}\``,
  });
  return true;
}

function notifies({ defaultAction, syscalls = [] }: OciSeccomp): boolean {
  const rules = syscalls.filter(({ action }) => action === "SCMP_ACT_NOTIFY");
  // The launcher itself could not get the descriptor out any more.
  if (defaultAction === "SCMP_ACT_NOTIFY") throw configInvalid("`linux.seccomp.defaultAction` can't be SCMP_ACT_NOTIFY");
  if (rules.some(({ names }) => names.includes("sendmsg")))
    throw configInvalid("`linux.seccomp.syscalls` can't notify of `sendmsg`, by which the agent gets its descriptor");
  return rules.length > 0;
}

function processState(context: PlanContext, metadata: string): object {
  const { config, input } = context;
  const planned = plannedState(context, "creating");
  const state =
    input.execInto === undefined || input.identity === undefined
      ? planned
      : containerState(config, input.identity, { status: "running", pid: input.execInto.pid });
  return { ociVersion: config.ociVersion, fds: ["seccompFd"], pid: planned.pid, ...(metadata === "" ? {} : { metadata }), state };
}
