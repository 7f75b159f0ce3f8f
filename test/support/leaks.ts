import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What still refers to a directory, one line each. */
export type Leak = string;

/**
 * Everything on this host that still refers to one of `markers` (absolute directories of a test, or an instance id): mounts in this
 * and in every other mount namespace, processes by their arguments, working directory, root or open files, loop devices, and
 * cgroups whose name contains one. It asks the kernel only. Looking at markers, not at a difference of before and after, lets tests
 * run beside each other.
 */
export function findLeaks(markers: readonly string[]): readonly Leak[] {
  return [...leakedMounts(markers), ...leakedProcesses(markers), ...leakedLoops(markers), ...leakedCgroups(markers)];
}

const attempt = <T>(read: () => T, otherwise: T): T => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};
const text = (path: string): string => attempt(() => readFileSync(path, "utf8"), "");
const entries = (path: string): readonly string[] => attempt(() => readdirSync(path), []);
const mentions = (value: string, markers: readonly string[]): boolean => markers.some((marker) => marker !== "" && value.includes(marker));

function leakedMounts(markers: readonly string[]): readonly Leak[] {
  return text("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => mentions(line, markers))
    .map((line) => `mount: ${line}`);
}

function leakedProcesses(markers: readonly string[]): readonly Leak[] {
  const own = text("/proc/self/mountinfo");
  return entries("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const directory = `/proc/${pid}`;
      const commandLine = text(`${directory}/cmdline`).replaceAll("\0", " ").trim();
      const links = ["cwd", "root", "exe", ...entries(`${directory}/fd`).map((fd) => `fd/${fd}`)];
      const link = links
        .map((name) => `${name} -> ${attempt(() => readlinkSync(`${directory}/${name}`), "")}`)
        .find((line) => mentions(line, markers));
      const mounts = text(`${directory}/mountinfo`);
      const mount = mounts === own ? undefined : mounts.split("\n").find((line) => mentions(line, markers));
      const what = mentions(commandLine, markers) ? "its arguments" : (link ?? mount);
      return what === undefined ? [] : [`process ${pid} (${commandLine || text(`${directory}/comm`).trim()}): ${what}`];
    });
}

function leakedLoops(markers: readonly string[]): readonly Leak[] {
  return entries("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => `loop device: ${name} of ${text(`/sys/block/${name}/loop/backing_file`).trim()}`)
    .filter((line) => mentions(line, markers));
}

function leakedCgroups(markers: readonly string[]): readonly Leak[] {
  const found: string[] = [];
  const walk = (directory: string, depth: number): void => {
    for (const entry of attempt(() => readdirSync(directory, { withFileTypes: true }), [])) {
      if (!entry.isDirectory()) continue;
      const path = `${directory}/${entry.name}`;
      if (mentions(path, markers)) found.push(`cgroup: ${path}`);
      else if (depth < 8) walk(path, depth + 1);
    }
  };
  if (existsSync("/sys/fs/cgroup")) walk("/sys/fs/cgroup", 0);
  return found;
}
