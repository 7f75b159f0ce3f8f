import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";

/** Every capability by number, `capability.h` of Linux 6.18. */
export const capabilityNames: readonly string[] =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
    .split(" ")
    .map((name) => `CAP_${name}`);

/** Docker's fourteen. */
export const defaultCapabilities: readonly string[] =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

/**
 * The capabilities a container gets, in the kernel's order: Docker's defaults, plus `--cap-add`, minus `--cap-drop`; `ALL` is taken
 * as docker takes it. What is not in `held` (our own bounding set) can't be given: a default is left out silently.
 * @throws {EngineError} INVALID_OPTION for an unknown name.
 */
export function resolveCapabilities(options: Pick<ContainerOptions, "capAdd" | "capDrop" | "privileged">, held: bigint): string[] {
  const available = capabilityNames.filter((_, number) => (held >> BigInt(number)) & 1n);
  if (options.privileged === true) return available;
  const added = (options.capAdd ?? []).map(normalize);
  const dropped = (options.capDrop ?? []).map(normalize);
  let names = new Set(defaultCapabilities);
  if (added.includes("ALL")) names = new Set(available);
  if (dropped.includes("ALL")) names = new Set();
  for (const name of added) if (name !== "ALL") names.add(name);
  for (const name of dropped) if (name !== "ALL") names.delete(name);
  return available.filter((name) => names.has(name));
}

function normalize(given: string): string {
  const upper = given.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!capabilityNames.includes(name)) throw invalidOption(`unknown capability: "${given}"; see capabilities(7)`);
  return name;
}
