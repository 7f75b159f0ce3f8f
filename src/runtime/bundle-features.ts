import { existsSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { HostFeatures } from "../core/host-features.ts";
import { isAppArmorEnabled } from "../kernel/apparmor-state.ts";
import { machineArchitecture, mapsIds, readKnownCapabilities, readOwnCapabilities } from "../kernel/host-features.ts";
import { requireKernelFloor } from "../kernel/kernel-release.ts";

/**
 * What this host offers to a container of a bundle: no layers, and no AppArmor profile of ours, which its engine brings itself.
 * @param options `becomesRoot`: of a user namespace, with all of its capabilities, whatever the caller has.
 * @throws {EngineError} KERNEL_TOO_OLD, ARCHITECTURE_UNSUPPORTED
 */
export function readBundleFeatures(rootfs: HostPath, { becomesRoot }: { readonly becomesRoot: boolean }): HostFeatures {
  requireKernelFloor();
  return {
    overlayLowerdirPlus: false,
    capabilities: becomesRoot ? readKnownCapabilities() : readOwnCapabilities(),
    apparmor: isAppArmorEnabled(),
    apparmorDefault: false,
    selinux: existsSync("/sys/fs/selinux/enforce"),
    architecture: machineArchitecture(),
    timeNamespaces: existsSync("/proc/self/ns/time"),
    idmappedMounts: mapsIds(rootfs),
  };
}
