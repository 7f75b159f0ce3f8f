import { readFileSync } from "node:fs";
import { listProcesses } from "../kernel/list-processes.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";

const titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];

/** `top`: the processes in the container's cgroup with the host's pids, in ps -ef's columns, as docker shows them. */
export function containerProcesses(
  host: ContainerHost,
  row: ContainerRow,
): { titles: readonly string[]; processes: readonly (readonly string[])[] } {
  const names = userNames();
  const processes = host.cgroups.pids(row).flatMap((pid) => {
    const line = describe(pid, names);
    return line === null ? [] : [line];
  });
  return { titles, processes };
}

/**
 * `top` with options for the host's ps(1), whose columns it then has. All beyond the last heading belongs to it, as with docker.
 * @throws {EngineError} INVALID_OPTION when ps refuses them, or prints no column PID by which to find the container's.
 */
export function processesByPs(
  host: ContainerHost,
  row: ContainerRow,
  psArguments: readonly string[],
): { titles: readonly string[]; processes: readonly (readonly string[])[] } {
  const [heading = "", ...lines] = listProcesses(host.cgroups.pids(row), psArguments);
  const headings = words(heading);
  const processes = lines.map((line) => {
    const fields = words(line);
    const last = headings.length - 1;
    return [...fields.slice(0, last), fields.slice(last).join(" ")];
  });
  return { titles: headings, processes };
}

function words(line: string): readonly string[] {
  return line.trim().split(/\s+/);
}

const ticksPerSecond = 100;

function describe(pid: number, names: ReadonlyMap<number, string>): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const command = readFileSync(`/proc/${pid}/cmdline`).toString("utf8").replace(/\0$/, "").replaceAll("\0", " ");
    // The command's name in parentheses may hold anything, parentheses too: fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0);
    const seconds = Math.floor((Number(fields[11]) + Number(fields[12])) / ticksPerSecond);
    const boot = Date.now() - Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000;
    const started = new Date(boot + (Number(fields[19]) / ticksPerSecond) * 1000);
    const age = (Date.now() - started.getTime()) / 1000;
    return [
      names.get(uid) ?? String(uid),
      String(pid),
      fields[1] ?? "0",
      String(age > 0 ? Math.floor((seconds / age) * 100) : 0),
      started.toTimeString().slice(0, 5),
      terminal(Number(fields[4])),
      new Date(seconds * 1000).toISOString().slice(11, 19),
      // A process names itself as it likes; ps(1) shows control characters like this, too.
      (command === "" ? `[${name}]` : command).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "?"),
    ];
  } catch {
    // It ended meanwhile.
    return null;
  }
}

function terminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  if (device === 0) return "?";
  return major === 136 ? `pts/${device & 0xff}` : `${major}:${device & 0xff}`;
}

function userNames(): Map<number, string> {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return new Map(lines.map((line) => line.split(":")).map((fields) => [Number(fields[2]), fields[0] ?? ""]));
  } catch {
    return new Map();
  }
}
