import { readFileSync, rmdirSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { resctrlDirectories } from "../plan/oci/intel-rdt.ts";
import type { ContainerIdentity } from "../plan/plan-input.ts";

/** Where resctrl is mounted. @see proc_pid_mountinfo(5) */
export function findResctrl(): HostPath | null {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((mount) => mount.includes(" - resctrl "));
  return (line?.split(" ")[4] as HostPath | undefined) ?? null;
}

/** Removes the classes of service that were made for a container. Idempotent; processes that are still in one go to the default class. */
export function removeClassOfService(config: OciConfig, identity: ContainerIdentity): void {
  for (const directory of resctrlDirectories({ config, identity, resctrl: findResctrl() })) {
    try {
      rmdirSync(directory);
    } catch {
      // Gone already, or never made.
    }
  }
}
