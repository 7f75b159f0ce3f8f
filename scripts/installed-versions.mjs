import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The version directories beneath `library`. */
export function installedVersions(library) {
  return existsSync(library) ? readdirSync(library).filter((name) => !name.startsWith(".")) : [];
}

/** Those from which a process runs, by its executable or its arguments (a monitor may run from a clone of its file). */
export function versionsInUse(library) {
  const used = new Set();
  const look = (text) => {
    for (const version of installedVersions(library)) if (text.includes(`${library}/${version}/`)) used.add(version);
  };
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      look(`${readlinkSync(`/proc/${pid}/exe`)}\n${readFileSync(`/proc/${pid}/cmdline`, "latin1")}`);
    } catch {
      // it has ended, or is a kernel thread
    }
  }
  return used;
}
