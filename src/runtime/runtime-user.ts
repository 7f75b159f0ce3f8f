import type { HostPath } from "../core/brands.ts";
import { type CallerRights, callerRights, userCacheDirectory, userRuntimeDirectory } from "../kernel/caller-rights.ts";

/** Who runs containers, and where what is remembered for him is: nobody else can write there. */
export interface RuntimeUser {
  readonly rights: CallerRights;
  /** What only this user has to see, until a reboot: the containers' states; null where there is no place for it. */
  readonly runtimeDirectory: HostPath | null;
  /** Plans of earlier containers; null: nothing is remembered. */
  readonly plans: HostPath | null;
  /** Compiled seccomp filters; null: none are kept. */
  readonly seccomp: HostPath | null;
}

export function runtimeUser(): RuntimeUser {
  const rights = callerRights();
  // Emptied by a reboot. Engines have a `--root` for each of their namespaces; what is remembered is the same in all.
  if (rights === "root")
    return {
      rights,
      runtimeDirectory: "/run" as HostPath,
      plans: "/run/wherry-plans" as HostPath,
      seccomp: "/var/cache/wherry/seccomp" as HostPath,
    };
  const runtimeDirectory = userRuntimeDirectory(rights);
  const cache = userCacheDirectory();
  return {
    rights,
    runtimeDirectory,
    plans: runtimeDirectory === null ? null : (`${runtimeDirectory}/wherry-plans` as HostPath),
    seccomp: cache === null ? null : (`${cache}/wherry/seccomp` as HostPath),
  };
}
