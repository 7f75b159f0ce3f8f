import { allCapabilities } from "../core/all-capabilities.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";

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
  const available = allCapabilities.filter((_, number) => (held >> BigInt(number)) & 1n);
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
  if (!allCapabilities.some((known) => known === name)) throw invalidOption(`unknown capability: "${given}"; see capabilities(7)`);
  return name;
}
