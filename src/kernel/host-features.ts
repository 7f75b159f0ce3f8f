import { existsSync, readFileSync, statfsSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { HostFeatures } from "../core/host-features.ts";
import { ensureAppArmorProfile } from "./apparmor.ts";
import { isAppArmorEnabled } from "./apparmor-state.ts";
import { isKernelAtLeast, requireKernelFloor } from "./kernel-release.ts";

export interface HostFeatureSources {
  /** Where layers and volumes are. */
  readonly root: HostPath;
  readonly runRoot: HostPath;
  readonly bootId: string;
}

/**
 * File systems that map ids, by statfs(2)'s type, and since which kernel. Overlay takes mapped layers since 5.19, so none counts earlier.
 * @see linux/magic.h, FS_ALLOW_IDMAP in the kernel's fs/
 */
const MAPPING: ReadonlyMap<number, string> = new Map([
  [0xef53, "5.19"], // ext4
  [0x58465342, "5.19"], // xfs
  [0x9123683e, "5.19"], // btrfs
  [0xf2f52010, "5.19"], // f2fs
  [0xe0f5e1e2, "5.19"], // erofs
  [0x73717368, "6.2"], // squashfs
  [0x01021994, "6.3"], // tmpfs
  [0xca451a4e, "6.15"], // bcachefs
]);

/**
 * What this host offers. Reads a handful of small files, about 0.1 ms; only AppArmor's profile, which must be loaded once a boot, is
 * remembered in `runRoot`.
 *
 * `lowerdir+` goes by the kernel's version: 6.7 has it by name, 6.13 by descriptor, and a plan needs either. Probing by mounting would cost
 * the first run after a boot a second start of the launcher, and a wrong "no" (a vendor's backport) only leads to the older way, which works.
 * @throws {EngineError} KERNEL_TOO_OLD, ARCHITECTURE_UNSUPPORTED
 */
export function readHostFeatures(sources: HostFeatureSources): HostFeatures {
  requireKernelFloor();
  const apparmor = isAppArmorEnabled();
  return {
    overlayLowerdirPlus: isKernelAtLeast("6.13"),
    capabilities: readOwnCapabilities(),
    apparmor,
    apparmorDefault: apparmor && ensureAppArmorProfile(sources),
    architecture: machineArchitecture(),
    timeNamespaces: existsSync("/proc/self/ns/time"),
    idmappedMounts: mapsIds(sources.root),
  };
}

/** What may be passed on: permitted, as a capability can only be kept, and in the bounding set, as that is never widened. */
export function readOwnCapabilities(status: string = readFileSync("/proc/self/status", "latin1")): bigint {
  const mask = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);
  return mask("CapPrm") & mask("CapBnd");
}

/** All capabilities of this kernel: what root of a new user namespace has, however few its maker. @see user_namespaces(7), "Capabilities" */
export function readKnownCapabilities(): bigint {
  return (2n << BigInt(readFileSync("/proc/sys/kernel/cap_last_cap", "latin1").trim())) - 1n;
}

/** Whether files on the file system of `path` (or of its nearest existing parent) can be shown with other ids. */
export function mapsIds(path: HostPath): boolean {
  let existing: string = path;
  while (!existsSync(existing)) existing = existing.slice(0, existing.lastIndexOf("/")) || "/";
  const since = MAPPING.get(statfsSync(existing).type >>> 0);
  return since !== undefined && isKernelAtLeast(since);
}

export function machineArchitecture(): "x86_64" | "aarch64" {
  const name = process.arch;
  if (name === "x64") return "x86_64";
  if (name === "arm64") return "aarch64";
  throw new EngineError({
    kind: "failedPrecondition",
    code: "ARCHITECTURE_UNSUPPORTED",
    message: `Wherry runs on x86-64 and 64-bit Arm, not on \`${name}\``,
  });
}
