import { allCapabilities } from "../core/all-capabilities.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";

/** Docker's fourteen. */
export const defaultCapabilities: readonly string[] =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

/**
 * The capabilities a container gets, in the kernel's order: Docker's defaults, minus `--cap-drop`, plus `--cap-add`: what is named in both
 * is had, except that a name dropped wins over `--cap-add ALL`. What is not in `held` (our own bounding set) can't be given: a default is
 * left out silently.
 * @throws {EngineError} INVALID_OPTION for an unknown name.
 * @see TweakCapabilities in moby oci/caps
 */
export function resolveCapabilities(options: Pick<ContainerOptions, "capAdd" | "capDrop" | "privileged">, held: bigint): string[] {
  const available = allCapabilities.filter((_, number) => (held >> BigInt(number)) & 1n);
  if (options.privileged === true) return available;
  const added = (options.capAdd ?? []).map(capabilityName);
  const dropped = (options.capDrop ?? []).map(capabilityName);
  if (added.includes("ALL")) return available.filter((name) => !dropped.includes(name));
  const kept = dropped.includes("ALL") ? [] : defaultCapabilities.filter((name) => !dropped.includes(name));
  return available.filter((name) => kept.includes(name) || added.includes(name));
}

/** `net_admin` as the kernel and docker's inspect write it, CAP_NET_ADMIN; `ALL` stays. @throws {EngineError} INVALID_OPTION */
export function capabilityName(given: string): string {
  const upper = given.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!allCapabilities.some((known) => known === name)) throw invalidOption(`unknown capability: "${given}"; see capabilities(7)`);
  return name;
}
