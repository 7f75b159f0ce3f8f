import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/** What the host sees of things that a container sees differently. Only for showing; nothing is decided by it. */

export function namespaceOf(pid: number | "self", kind: string): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}

export function processCount(): number {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length;
}

export function userOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? -1);
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? -1);
}

export function cgroupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  return lines.at(-1)?.split(":").slice(2).join(":") ?? "";
}

export function networkInterfaces(): string[] {
  return readdirSync("/sys/class/net");
}

export function uptimeSeconds(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
}

/** Proportional set size: shared pages count by how many share them. */
export function memoryKilobytes(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
}

/** The whole disk that a path lies on, if it lies on one: limits are set on disks, not on partitions. */
export function diskOf(path: string): string | undefined {
  const device = statSync(path).dev;
  const name = `${(device >> 8) & 0xfff}:${(device & 0xff) | ((device >> 12) & 0xfff00)}`;
  try {
    // …/block/vda or …/block/vda/vda1
    const parts = readlinkSync(`/sys/dev/block/${name}`).split("/");
    const disk = parts[parts.indexOf("block") + 1];
    return disk === undefined ? undefined : `/dev/${disk}`;
  } catch {
    return undefined;
  }
}
