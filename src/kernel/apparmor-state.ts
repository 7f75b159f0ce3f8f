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
  try {
    return readFileSync(paths.enabled, "latin1").startsWith("Y") && existsSync(paths.filesystem);
  } catch {
    return false;
  }
}
