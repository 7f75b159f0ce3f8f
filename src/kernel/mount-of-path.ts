import { readFileSync, realpathSync } from "node:fs";

/** The mount that a path lies on, as far as propagation goes. */
export interface MountOfPath {
  readonly mountPoint: string;
  /** Mounts made beneath it show elsewhere. */
  readonly shared: boolean;
  /** Mounts made elsewhere show beneath it. */
  readonly slave: boolean;
}

/**
 * The mount of a path of the host's, which need not be there: then that of its nearest parent.
 * @see proc_pid_mountinfo(5), mount_namespaces(7)
 */
export function mountOfPath(path: string, mountInfo = "/proc/self/mountinfo"): MountOfPath {
  const real = existingPath(path);
  let found: MountOfPath = { mountPoint: "/", shared: false, slave: false };
  for (const line of readFileSync(mountInfo, "utf8").split("\n")) {
    const fields = line.split(" ");
    const mountPoint = (fields[4] ?? "").replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const covers = mountPoint === "/" || real === mountPoint || real.startsWith(`${mountPoint}/`);
    // Of two on one place, the later one lies on top.
    if (mountPoint === "" || !covers || mountPoint.length < found.mountPoint.length) continue;
    const optional = fields.slice(6, fields.indexOf("-"));
    const has = (name: string) => optional.some((field) => field.startsWith(name));
    found = { mountPoint, shared: has("shared:"), slave: has("master:") };
  }
  return found;
}

function existingPath(path: string): string {
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    try {
      return realpathSync(at);
    } catch {
      // Perhaps its parent is there.
    }
  }
  return "/";
}
