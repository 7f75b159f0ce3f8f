import { allCapabilities as allNames } from "../core/all-capabilities.ts";

/** For names that may be anything. */
const knownNames: readonly string[] = allNames;

/** The bit mask of capability names. Names that the table doesn't know are left out, as the runtime-spec wants it for those of later kernels. */
export function capabilityMask(names: readonly string[] | undefined): bigint {
  let mask = 0n;
  for (const name of names ?? []) {
    const bit = knownNames.indexOf(name);
    if (bit >= 0) mask |= 1n << BigInt(bit);
  }
  return mask;
}

/** The names in a bit mask, lowest bit first. */
export function capabilityNames(mask: bigint): string[] {
  return allNames.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

/** Every capability known here. */
export const ALL_CAPABILITIES: bigint = (1n << BigInt(allNames.length)) - 1n;
