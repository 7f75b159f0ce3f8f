import { readFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";

/** The oldest kernel that Wherry is made for (the long-term release with cgroup.kill, mount_setattr, close_range and core scheduling). */
export const kernelFloor = "5.15";

let release: string | undefined;

/** As uname(2) gives it. From procfs: loading node:os costs every start more. */
export function kernelRelease(): string {
  release ??= readFileSync("/proc/sys/kernel/osrelease", "latin1").trim();
  return release;
}

/** Whether a release as uname(2) gives it (`6.1.0-18-amd64`) is at least MAJOR.MINOR. */
export function isKernelAtLeast(version: string, running: string = kernelRelease()): boolean {
  const [major = 0, minor = 0] = numbers(running);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(version);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** @throws {EngineError} KERNEL_TOO_OLD */
export function requireKernelFloor(running: string = kernelRelease()): void {
  if (isKernelAtLeast(kernelFloor, running)) return;
  throw new EngineError({
    kind: "failedPrecondition",
    code: "KERNEL_TOO_OLD",
    message: `this kernel is Linux ${running}, Wherry needs ${kernelFloor} or later`,
  });
}

function numbers(version: string): readonly number[] {
  return version.split(".", 2).map((part) => Number.parseInt(part, 10) || 0);
}
