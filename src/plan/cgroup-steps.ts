import type { CgroupPlacement, CgroupPlan, CgroupWrite } from "./plan-input.ts";
import { O } from "./kernel-flags.ts";
import type { PlanBuilder } from "./plan-builder.ts";
import type { Slot } from "./slot.ts";

const encoder = new TextEncoder();

/**
 * How processes get into cgroups, and why it is done this way.
 *
 * A write of another task's pid to `cgroup.procs` takes cgroup_threadgroup_rwsem for writing, which waits for an RCU grace period:
 * 8 to 20 ms measured on 6.18 for the first write in a while. Two ways avoid it: to be born there, by clone3's CLONE_INTO_CGROUP, on v2; and on v1 a single
 * thread that moves *itself* by writing 0 to `tasks` (cgroup_procs_write_start() takes no lock then): 0.01 to 0.02 ms each. So on v1 the
 * launcher, single-threaded, enters the container's cgroups, clones, and leaves for the monitors' ones. Nothing of the container runs yet.
 */
export interface CgroupSteps {
  /** The v2 directory for CLONE_INTO_CGROUP, or null. */
  readonly cloneInto: Slot | null;
}

/** HOST, first: on v2 the launcher goes on as a process born in the monitors' cgroup. */
export function rehome(plan: PlanBuilder, cgroups: CgroupPlan | null): void {
  const placement = cgroups?.placements.find(({ version }) => version === 2);
  if (placement === undefined || cgroups?.launcherStays === true) return;
  const slot = plan.slot("monitors");
  plan.host("OPEN", [null, placement.monitorDirectory, O.O_PATH | O.O_CLOEXEC, 0, 0, slot], { why: "the monitors' cgroup" });
  plan.host("REHOME", [slot], {
    why: "the launcher goes on in there: stopping the caller's unit or session does not reach it",
    doing: `enter cgroup \`${placement.monitorDirectory}\``,
  });
}

/** HOST: directories, and what has to be there before anybody enters. For `exec`, which finds them made, only the v2 directory is opened. */
export function prepareCgroups(plan: PlanBuilder, cgroups: CgroupPlan | null, joinOnly: boolean): CgroupSteps {
  let cloneInto: Slot | null = null;
  for (const placement of cgroups?.placements ?? []) {
    if (!joinOnly) createPlacement(plan, placement);
    if (placement.version === 2 && cloneInto === null) {
      cloneInto = plan.slot("cgroup");
      plan.host("OPEN", [null, placement.directory, O.O_PATH | O.O_CLOEXEC, 0, 0, cloneInto], {
        why: "the cgroup v2 directory that the process is born in",
      });
    }
  }
  return { cloneInto };
}

function createPlacement(plan: PlanBuilder, placement: CgroupPlacement): void {
  for (const { directory, writes } of placement.prepare ?? []) {
    plan.host("MKDIRP", [null, directory, 0o755, 0, 0], { why: "a cgroup above or beside the container's" });
    for (const write of writes) addWrite(plan, "host", directory, write);
  }
  plan.host("MKDIRP", [null, placement.directory, 0o755, 0, 0], { why: "the container's cgroup" });
  for (const write of placement.writes) {
    if (isEarly(write)) addWrite(plan, "host", placement.directory, write);
  }
}

/** A cpuset of v1 without processors takes nobody in. */
function isEarly(write: CgroupWrite): boolean {
  return write.file.startsWith("cpuset.") || write.file.startsWith("cgroup.");
}

function addWrite(plan: PlanBuilder, section: "host" | "parent", directory: string, write: CgroupWrite): void {
  plan.add(section, "WRITE", [null, `${directory}/${write.file}`, encoder.encode(write.value)], {
    why: `cgroup limit ${write.file}`,
    // A default that can't be set for one of several reasons may as well fail for any: there is room for two in the protocol.
    ...(write.ignore === undefined ? {} : { ignore: write.ignore.length > 2 ? "any" : write.ignore }),
    doing: `set cgroup \`${write.file}\` to \`${write.value}\``,
  });
}

/** HOST, last before CLONE: the launcher enters the v1 cgroups that its child is to inherit. */
export function enterCgroups(plan: PlanBuilder, cgroups: CgroupPlan | null): void {
  for (const placement of cgroups?.placements ?? []) {
    if (placement.version === 1) {
      plan.host("WRITE", [null, `${placement.directory}/tasks`, encoder.encode("0")], {
        why: "the launcher enters, so that its child is born here",
        doing: `enter cgroup \`${placement.directory}\``,
      });
    }
  }
}

/** PARENT: out again. */
export function leaveCgroups(plan: PlanBuilder, cgroups: CgroupPlan | null): void {
  for (const placement of cgroups?.placements ?? []) {
    if (placement.version !== 1) continue;
    plan.parent("WRITE", [null, `${placement.monitorDirectory}/tasks`, encoder.encode("0")], {
      why: "the launcher leaves; the child stays",
      doing: `enter cgroup \`${placement.monitorDirectory}\``,
    });
  }
}

/**
 * PARENT, while the child attaches its mounts: limits and the device program, which bind from the container's first own instruction on. The
 * child must not go further than that without `awaitLimits`. (`--pids-limit 1` would forbid the clone while the launcher is in there, too.)
 */
export function setCgroupLimits(plan: PlanBuilder, cgroups: CgroupPlan | null, { cloneInto }: CgroupSteps): void {
  for (const { directory, writes } of cgroups?.placements ?? []) {
    for (const write of writes) if (!isEarly(write)) addWrite(plan, "parent", directory, write);
  }
  if (cloneInto !== null && cgroups?.deviceProgram !== undefined) {
    plan.parent("DEVICES", [cloneInto, cgroups.deviceProgram], { why: "the devices that the container may open" });
  }
  if (cgroups !== null) plan.parent("GIVE", [[]], { why: "the child may go on: its limits are set" });
}

/** CHILD, before it makes or opens a device: v1's list of them is empty between the first and the second write. */
export function awaitLimits(plan: PlanBuilder, cgroups: CgroupPlan | null): void {
  if (cgroups !== null) plan.child("TAKE", [[]], { why: "nothing of the container runs without limits", doing: "wait for the limits" });
}
