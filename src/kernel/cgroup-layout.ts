import { existsSync, readFileSync, statfsSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { CgroupHierarchy, CgroupLayout } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";

/** Where to look; the defaults are the running host's. */
export interface CgroupLayoutSources {
  readonly mountInfo?: string;
  /** sd_booted(3) asks for this directory. */
  readonly systemdDirectory?: string;
}

const CGROUP2_SUPER_MAGIC = 0x63677270; // linux/magic.h

/**
 * The mounted hierarchies, the first mount of each. Where /sys/fs/cgroup itself is v2, it is all there is: systemd's, runc's and docker's rule. That also
 * leaves out a v1 hierarchy that some program has mounted for itself elsewhere (net_cls, by VPN clients), and needs no look at all mounts, of
 * which there are many when layers are mounted. Named v1 hierarchies are left out, except systemd's own where systemd runs: it finds a
 * unit's processes by it.
 * @throws {EngineError} CGROUP_SETUP_FAILED when nothing is mounted.
 * @see proc_pid_mountinfo(5), Documentation/admin-guide/cgroup-v2.rst
 */
export function detectCgroupLayout(sources: CgroupLayoutSources = {}): CgroupLayout {
  const systemd = existsSync(sources.systemdDirectory ?? "/run/systemd/system");
  if (sources.mountInfo === undefined && isUnified("/sys/fs/cgroup")) {
    return { mode: "v2", hierarchies: [v2Hierarchy("/sys/fs/cgroup")], systemd };
  }
  const hierarchies = readHierarchies(readFileSync(sources.mountInfo ?? "/proc/self/mountinfo", "utf8"), systemd);
  const hasV1 = hierarchies.some((hierarchy) => hierarchy.version === 1);
  const hasV2 = hierarchies.some((hierarchy) => hierarchy.version === 2);
  if (!hasV1 && !hasV2) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_SETUP_FAILED",
      message: "find control groups: no cgroup file system is mounted; mount one, e.g. `mount -t cgroup2 none /sys/fs/cgroup`",
    });
  }
  return { mode: hasV1 ? (hasV2 ? "hybrid" : "v1") : "v2", hierarchies, systemd };
}

function isUnified(path: string): boolean {
  try {
    return statfsSync(path).type >>> 0 === CGROUP2_SUPER_MAGIC;
  } catch {
    return false;
  }
}

function readHierarchies(mountInfo: string, systemd: boolean): readonly CgroupHierarchy[] {
  const found: CgroupHierarchy[] = [];
  const taken = new Set<string>();
  for (const line of mountInfo.split("\n")) {
    if (!line.includes(" cgroup")) continue;
    const [before, after] = line.split(" - ", 2);
    const mountPoint = before?.split(" ")[4];
    const [type, , superOptions = ""] = after?.split(" ") ?? [];
    if (mountPoint === undefined || (type !== "cgroup" && type !== "cgroup2")) continue;
    const hierarchy = type === "cgroup2" ? v2Hierarchy(unescapeOctal(mountPoint)) : v1Hierarchy(unescapeOctal(mountPoint), superOptions);
    if (hierarchy.version === 1 && hierarchy.controllers.length === 0 && !(systemd && hierarchy.name === "systemd")) continue;
    const key = hierarchy.version === 2 ? "v2" : [...hierarchy.controllers, hierarchy.name].join();
    if (taken.has(key)) continue;
    taken.add(key);
    found.push(hierarchy);
  }
  return found;
}

/** Options of a v1 superblock that are no controllers. */
const FLAGS = new Set([
  "rw",
  "ro",
  "noprefix",
  "xattr",
  "clone_children",
  "cpuset_v2_mode",
  "favordynmods",
  "nofavordynmods",
  "none",
  "all",
]);

function v1Hierarchy(mountPoint: string, superOptions: string): CgroupHierarchy {
  const words = superOptions.split(",");
  return {
    version: 1,
    mountPoint: mountPoint as HostPath,
    controllers: words.filter((word) => !FLAGS.has(word) && !word.includes("=")),
    name: words.find((word) => word.startsWith("name="))?.slice("name=".length) ?? "",
  };
}

function v2Hierarchy(mountPoint: string): CgroupHierarchy {
  return { version: 2, mountPoint: mountPoint as HostPath, controllers: readWords(`${mountPoint}/cgroup.controllers`), name: "" };
}

function readWords(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
