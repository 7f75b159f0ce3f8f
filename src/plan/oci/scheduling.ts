import type { OciMemoryPolicy, OciScheduler } from "../oci-config.ts";
import { configInvalid, type PlanContext } from "../plan-context.ts";
import { parseNumberList } from "./number-list.ts";

/** linux/sched.h. */
export const POLICIES: Readonly<Record<OciScheduler["policy"], number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

export const FLAGS: Readonly<Record<NonNullable<OciScheduler["flags"]>[number], number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/** The first version of `struct sched_attr`; the utilization clamps of the second have no field in the specification. */
const SCHED_ATTR_BYTES = 48;

export const IOPRIO_CLASSES = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
export const IOPRIO_CLASS_SHIFT = 13;

/** linux/mempolicy.h. */
export const MEMORY_MODES: Readonly<Record<NonNullable<OciMemoryPolicy["mode"]>, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};
export const MEMORY_FLAGS = { MPOL_F_STATIC_NODES: 1 << 15, MPOL_F_RELATIVE_NODES: 1 << 14, MPOL_F_NUMA_BALANCING: 1 << 13 } as const;

/** As many as AFFINITY takes. */
const ALL_PROCESSORS: Uint8Array = new Uint8Array(1024).fill(0xff);

/** CHILD: scheduler, disk priority, memory policy. They need CAP_SYS_NICE, which the container may not have. */
export function scheduleProcess(context: PlanContext): void {
  const { plan, process, linux, input } = context;
  const { execCPUAffinity: affinity } = process;
  if (input.execInto !== undefined && affinity !== undefined) {
    const final = affinity.final ?? "";
    // What the kernel gives is cut down to the cgroup's processors.
    plan.child("AFFINITY", [final === "" ? ALL_PROCESSORS : processors(final, "final")], {
      why: final === "" ? "all processors of the container's cgroup" : `the process runs on processors ${final}`,
      doing: "set the processors of the process",
    });
  }
  if (process.scheduler !== undefined) {
    plan.child("SCHEDULER", [schedulerAttributes(process.scheduler)], {
      why: `scheduling policy ${process.scheduler.policy}`,
      doing: `set the scheduler to ${process.scheduler.policy}`,
    });
  }
  if (process.ioPriority !== undefined) {
    const { class: name, priority = 0 } = process.ioPriority;
    const number = IOPRIO_CLASSES[name];
    if (number === undefined || !Number.isInteger(priority) || priority < 0 || priority > 7)
      throw configInvalid(`\`process.ioPriority\` \`${name}\` with priority ${priority}; a class of ioprio_set(2) and 0 to 7 are meant`);
    plan.child("IOPRIO", [(number << IOPRIO_CLASS_SHIFT) | priority], {
      why: `disk priority ${priority} of ${name}`,
      doing: `set the disk priority to ${name} ${priority}`,
    });
  }
  if (linux.memoryPolicy !== undefined) addMemoryPolicy(context, linux.memoryPolicy);
}

/**
 * HOST and PARENT, for `exec`: on which processors the process is made, and that the monitor is not bound to them. Before any cgroup is
 * entered: a cpuset would take it back.
 */
export function bindToInitialProcessors(context: PlanContext): void {
  const initial = context.process.execCPUAffinity?.initial ?? "";
  if (context.input.execInto === undefined || initial === "") return;
  context.plan.host("AFFINITY", [processors(initial, "initial")], {
    why: `the process is made on processors ${initial}`,
    doing: "set the processors on which the process is made",
  });
  context.plan.parent("AFFINITY", [callersProcessors(context)], { why: "the monitor runs where its caller may" });
}

/** Back to them after `initial`. */
function callersProcessors({ input }: PlanContext): Uint8Array {
  const { callerProcessors = "" } = input;
  return callerProcessors === "" ? ALL_PROCESSORS : bitMask(parseNumberList(callerProcessors, "the caller's processors"), 1024);
}

function processors(list: string, field: "initial" | "final"): Uint8Array {
  return bitMask(parseNumberList(list, `process.execCPUAffinity.${field}`), 1024);
}

function schedulerAttributes(scheduler: OciScheduler): Uint8Array {
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const number = POLICIES[policy];
  if (number === undefined) throw configInvalid(`unknown \`process.scheduler.policy\` \`${policy}\``);
  const bits = flagBits(flags, FLAGS, "process.scheduler.flags");
  const view = new DataView(new ArrayBuffer(SCHED_ATTR_BYTES));
  view.setUint32(0, SCHED_ATTR_BYTES, true);
  view.setUint32(4, number, true);
  view.setBigUint64(8, BigInt(bits), true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  view.setBigUint64(24, BigInt(runtime), true);
  view.setBigUint64(32, BigInt(deadline), true);
  view.setBigUint64(40, BigInt(period), true);
  return new Uint8Array(view.buffer);
}

function addMemoryPolicy(context: PlanContext, { mode = "MPOL_DEFAULT", nodes = "", flags = [] }: OciMemoryPolicy): void {
  const number = MEMORY_MODES[mode];
  if (number === undefined) throw configInvalid(`unknown \`linux.memoryPolicy.mode\` \`${mode}\``);
  const bits = flagBits(flags, MEMORY_FLAGS, "linux.memoryPolicy.flags");
  const mask = nodes === "" ? new Uint8Array(0) : bitMask(parseNumberList(nodes, "linux.memoryPolicy.nodes"), 128);
  context.plan.child("MEMPOLICY", [number | bits, mask], {
    why: `memory comes from nodes by ${mode}${nodes === "" ? "" : ` (${nodes})`}`,
    doing: `set the memory policy ${mode}`,
  });
}

/** @throws {EngineError} CONFIG_INVALID naming `field` */
function flagBits<Name extends string>(names: readonly Name[], table: Readonly<Record<Name, number>>, field: string): number {
  return names.reduce((sum, name) => {
    const bit: number | undefined = table[name];
    if (bit === undefined) throw configInvalid(`unknown flag \`${name}\` in \`${field}\``);
    return sum | bit;
  }, 0);
}

/** Whole longs, as the kernel reads them; at most `most` bytes. */
function bitMask(numbers: readonly number[], most: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((Math.max(...numbers) + 1) / 64) * 8);
  if (bytes.length > most) throw configInvalid(`processor or memory node ${Math.max(...numbers)}: the highest is ${most * 8 - 1}`);
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
  return bytes;
}
