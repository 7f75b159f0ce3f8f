import { existsSync, readFileSync } from "node:fs";

/** Where AppArmor's kernel side is seen. */
export interface AppArmorPaths {
  readonly enabled: string;
  readonly filesystem: string;
}

export const appArmorPaths: AppArmorPaths = {
  enabled: "/sys/module/apparmor/parameters/enabled",
  filesystem: "/sys/kernel/security/apparmor",
};

/** AppArmor is compiled in, switched on, and its file system is mounted (without that no profile can be loaded). */
export function isAppArmorEnabled(paths: AppArmorPaths = appArmorPaths): boolean {
  // Asked first: an error of the runtime's costs a start more than all the rest here, and most kernels without AppArmor lack the file.
  return existsSync(paths.enabled) && readFileSync(paths.enabled, "latin1").startsWith("Y") && existsSync(paths.filesystem);
}

/** Whether the kernel has that profile, whoever loaded it. False, too, where it does not say. */
export function isProfileLoaded(profile: string, paths: AppArmorPaths = appArmorPaths): boolean {
  try {
    return readFileSync(`${paths.filesystem}/profiles`, "utf8")
      .split("\n")
      .some((line) => line.slice(0, line.lastIndexOf(" (")) === profile);
  } catch {
    return false;
  }
}
