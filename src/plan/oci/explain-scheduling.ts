import { symbolic } from "../strace-format.ts";
import { FLAGS, IOPRIO_CLASS_SHIFT, IOPRIO_CLASSES, MEMORY_FLAGS, MEMORY_MODES, POLICIES } from "./scheduling.ts";

/** `struct sched_attr`, as strace prints it. */
export function schedulerAttributes(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = {
    size: view.getUint32(0, true),
    sched_policy: nameOf(POLICIES, view.getUint32(4, true)),
    sched_flags: symbolic(view.getBigUint64(8, true), FLAGS),
    sched_nice: view.getInt32(16, true),
    sched_priority: view.getUint32(20, true),
    sched_runtime: view.getBigUint64(24, true),
    sched_deadline: view.getBigUint64(32, true),
    sched_period: view.getBigUint64(40, true),
  };
  return `{${Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ")}}`;
}

export function ioPriority(value: number): string {
  return `IOPRIO_PRIO_VALUE(${nameOf(IOPRIO_CLASSES, value >> IOPRIO_CLASS_SHIFT)}, ${value & ((1 << IOPRIO_CLASS_SHIFT) - 1)})`;
}

/** The arguments of set_mempolicy(2). */
export function memoryPolicy(mode: number, nodes: Uint8Array): string {
  const flags = Object.values(MEMORY_FLAGS).reduce((sum, bit) => sum | bit, 0);
  const word = nameOf(MEMORY_MODES, mode & ~flags);
  const modes = (mode & flags) === 0 ? word : `${word}|${symbolic(mode & flags, MEMORY_FLAGS)}`;
  if (nodes.length === 0) return `${modes}, NULL, 0`;
  const view = new DataView(nodes.buffer, nodes.byteOffset, nodes.byteLength);
  const longs = Array.from({ length: nodes.length / 8 }, (_, index) => `0x${view.getBigUint64(index * 8, true).toString(16)}`);
  return `${modes}, [${longs.join(", ")}], ${nodes.length * 8 + 1}`;
}

/** `[0 1 4]`, as strace prints sets. */
export function setBits(mask: Uint8Array): string {
  if (mask.length > 0 && mask.every((byte) => byte === 0xff)) return "~[]";
  const bits = Array.from({ length: mask.length * 8 }, (_, bit) => bit).filter((bit) => (((mask[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1);
  return `[${bits.join(" ")}]`;
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, number]) => number === value)?.[0] ?? `${value}`;
}
