import { capabilityMask } from "./capability-bits.ts";
import { CLOSE_RANGE_CLOEXEC, SIGKILL } from "./kernel-flags.ts";
import { configInvalid, type PlanContext } from "./plan-context.ts";
import { enterWorkingDirectory, execute, isLabelledAtOnce, openLabelDirectory, setLimits, setSecurityLabel } from "./process.ts";
import type { Slot } from "./slot.ts";
import { awaitStart } from "./start-wait.ts";

/**
 * CHILD, the end of it: who the process is and what it may do, each step in the only order that works.
 *
 * - The working directory is entered with the user's ids but root's capabilities still effective, as runc does: a directory that only
 *   the user may enter and one that only root may enter both work.
 * - The parent-death signal is forgotten when ids change, so it is set after them. Dropping capabilities keeps it.
 * - The reaper forks last: whoever in the container may trace PID 1 (CAP_SYS_PTRACE) must not find more capabilities there than the
 *   container's, or fewer filters. A label that is set at once comes after what a profile might forbid, and when a process of the same
 *   label that may trace this one finds no more capabilities here than its own.
 * - seccomp without no_new_privs needs CAP_SYS_ADMIN, so it comes before the capabilities are dropped, and the profile must allow
 *   capset and prctl. With no_new_privs it comes last, and the profile need not allow more than execve and write.
 */
export function becomeUser(context: PlanContext, proc: Slot | null): void {
  const { plan, process, input } = context;
  const { uid = 0, gid = 0, additionalGids = [] } = process.user ?? {};
  const available = input.features.capabilities;
  const mask = (names: readonly string[] | undefined) => capabilityMask(names) & available;
  const { bounding, effective, permitted, inheritable, ambient } = process.capabilities ?? {};
  plan.child("BOUNDING", [mask(bounding)], { why: "capabilities that nothing in the container can ever get back" });
  if (canChangeIds(context))
    plan.child("IDS", [uid, gid, groupList(additionalGids)], { why: "the user and groups", doing: `become user ${uid}:${gid}` });
  if (input.monitor !== null) plan.child("PDEATHSIG", [SIGKILL], { why: "no container outlives its monitor" });
  enterWorkingDirectory(context);
  plan.child("CLOSERANGE", [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC], {
    why: "no descriptor of the host's gets into the container (CVE-2024-21626)",
  });
  if (input.preservedDescriptors !== undefined && input.preservedDescriptors > 0)
    plan.child("KEEPFDS", [input.preservedDescriptors], { why: "what the caller passes on to the process" });
  const label = openLabelDirectory(context, proc);
  const atOnce = isLabelledAtOnce(context);
  if (label !== null && !atOnce) setSecurityLabel(context, label);
  input.extensions?.schedule(context);
  setLimits(context);
  if (process.noNewPrivileges !== true && input.extensions?.filter(context) !== true) addSeccomp(context);
  plan.child("CAPSET", [mask(effective), mask(permitted), mask(inheritable)], {
    why: "the capabilities it has",
    doing: "set the capabilities",
  });
  // The kernel takes none that isn't permitted and inheritable; runc's own `spec` asks for such.
  const wanted = mask(ambient);
  const kept = wanted === 0n ? 0n : wanted & mask(permitted) & mask(inheritable);
  if (kept !== 0n) plan.child("AMBIENT", [kept], { why: "capabilities that a program without any keeps" });
  if (label !== null && atOnce) setSecurityLabel(context, label);
  if (process.noNewPrivileges === true) {
    plan.child("NNP", [], { why: "set-user-id programs gain nothing" });
    // The agent of a notifying filter gets its descriptor from the launcher, which is gone when somebody starts the container.
    const notifying = input.extensions?.filter(context) === true;
    awaitStart(context);
    if (!notifying) addSeccomp(context);
  } else {
    awaitStart(context);
  }
  if (input.execInto === undefined) input.extensions?.beforeExec(context);
  if (input.reaper) plan.child("REAPER", [], { why: "--init: PID 1 reaps orphans and forwards signals" });
  execute(context);
}

/**
 * A user namespace that an unprivileged process has mapped itself has one user and one group, which the launcher is already; setgroups(2) is
 * refused there, so that nobody leaves a group that denies him something (CVE-2014-8989).
 */
function canChangeIds({ input, mappings, process }: PlanContext): boolean {
  if (input.unprivileged?.setgroups !== false || mappings !== null) return true;
  const { uid = 0, gid = 0, additionalGids = [] } = process.user ?? {};
  // runc's words.
  if (additionalGids.length > 0)
    throw configInvalid("`process.user.additionalGids`: cannot set any additional groups in a rootless container");
  if (uid !== 0 || gid !== 0) throw configInvalid(`\`process.user\`: user ${uid}:${gid} is not mapped in the rootless container`);
  return false;
}

/** The compiler of profiles is not imported here: a start takes the program from a cache and need not load it. */
function addSeccomp(context: PlanContext): void {
  const { seccompProgram } = context.input;
  if (seccompProgram === undefined) {
    if (context.linux.seccomp !== undefined) throw new RangeError("`linux.seccomp` has to be compiled first, into `seccompProgram`");
    return;
  }
  context.plan.child("SECCOMP", [seccompProgram.program, seccompProgram.flags], {
    why: "the system calls that it may make",
    doing: "load the seccomp filter",
  });
}

function groupList(groups: readonly number[]): Uint8Array {
  const list = new DataView(new ArrayBuffer(groups.length * 4));
  groups.forEach((group, index) => {
    list.setUint32(index * 4, group, true);
  });
  return new Uint8Array(list.buffer);
}
