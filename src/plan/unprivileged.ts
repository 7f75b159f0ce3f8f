import { formatIdMap } from "./id-mapping.ts";
import { CLONE, O } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import type { UnprivilegedStart } from "./plan-input.ts";
import type { Slot } from "./slot.ts";

const encoder = new TextEncoder();

/** Whether the launcher or the container is in a user namespace: no node that is made there can be opened, and not everything be mounted. */
export function isInUserNamespace({ mappings, input }: PlanContext): boolean {
  return mappings !== null || input.unprivileged !== undefined;
}

/**
 * HOST, first: a launcher that is not root becomes root of the container's user namespace, and does all that root does for other containers
 * in there, with a mount namespace of its own to do it in. The container has no user namespace then but the launcher's.
 *
 * A process that can't be looked into can't write to its own files in procfs either: they belong to the host's root (proc_pid(5)).
 */
export function enterUserNamespace(context: PlanContext): void {
  const { plan, input, process } = context;
  const { unprivileged } = input;
  if (unprivileged === undefined) return;
  const { enter } = unprivileged;
  const score = process.oomScoreAdj;
  if (enter?.kind === "new" || score !== undefined) {
    plan.host("DUMPABLE", [1], { why: "its own files in procfs become writable for a moment, in which there is no container yet" });
    // Not by the child's own files, which are the host root's. The launcher has the same score.
    if (score !== undefined) writeOwn(context, "oom_score_adj", `${score}`, `set the OOM score adjustment to \`${score}\``);
    if (enter?.kind === "new") makeUserNamespace(context, enter);
    plan.host("DUMPABLE", [0], { why: "nobody can look into the launcher" });
  }
  if (enter === null || enter.kind === "new") return;
  joinUserNamespace(context, openUserNamespace(context, enter));
  if (input.execInto === undefined) plan.host("UNSHARE", [CLONE.CLONE_NEWNS], { why: "mounts of the launcher's own, to work with" });
}

/** Of one user and one group, the launcher's own: more takes a privileged program. @see user_namespaces(7), "Defining user and group ID mappings" */
function makeUserNamespace(
  context: PlanContext,
  { uid, gid }: Extract<NonNullable<UnprivilegedStart["enter"]>, { readonly kind: "new" }>,
): void {
  context.plan.host("UNSHARE", [CLONE.CLONE_NEWUSER | CLONE.CLONE_NEWNS], {
    why: "a user namespace, and mounts in it: the launcher becomes its root",
    doing: "make a user namespace (without root's rights)",
  });
  const doing = "map the ids of the user namespace";
  writeOwn(context, "setgroups", "deny", doing);
  writeOwn(context, "uid_map", formatIdMap(uid), doing);
  writeOwn(context, "gid_map", formatIdMap(gid), doing);
}

function writeOwn(context: PlanContext, file: string, text: string, doing: string): void {
  context.plan.host("WRITE", [null, `/proc/self/${file}`, encoder.encode(text)], { why: `the launcher's own ${file}`, doing });
}

function openUserNamespace({ plan }: PlanContext, enter: Exclude<NonNullable<UnprivilegedStart["enter"]>, { readonly kind: "new" }>): Slot {
  const slot = plan.slot("user-namespace");
  if (enter.kind === "path")
    plan.host("OPEN", [null, enter.path, O.O_CLOEXEC, 0, 0, slot], { why: "the user namespace to join", doing: "open the user namespace" });
  else
    plan.host("PIDFD", [enter.pid, enter.startTime, slot], {
      why: "a process in the user namespace, and no later one with its pid",
      doing: "find the process whose user namespace is joined",
    });
  return slot;
}

function joinUserNamespace({ plan }: PlanContext, slot: Slot): void {
  plan.host("SETNS", [slot, CLONE.CLONE_NEWUSER], {
    why: "the launcher becomes root of the user namespace, which belongs to its user",
    doing: "join the user namespace",
  });
}
