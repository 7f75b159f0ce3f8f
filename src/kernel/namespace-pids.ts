import { readdirSync, readlinkSync } from "node:fs";

/** The processes in a process's pid namespace and not in our own, as far as we may look; that one alone when it shares ours. */
export function pidNamespacePids(pid: number): readonly number[] {
  const namespace = namespaceOf(pid);
  if (namespace === null) return [];
  if (namespace === namespaceOf("self")) return [pid];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace)
    .map(Number);
}

/** Null for a process that has ended, or is not ours to look into. */
function namespaceOf(pid: number | string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}
