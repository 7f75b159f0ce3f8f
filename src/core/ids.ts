import type { ContainerId } from "./brands.ts";
import { randomHex } from "./random.ts";

/** A fresh random id: 64 hexadecimal digits, never all decimal in its first 12, so that a short id is not taken for a number. */
export function newContainerId(): ContainerId {
  for (;;) {
    const id = randomHex(32);
    if (!/^\d{12}/.test(id)) return id as ContainerId;
  }
}

/** The 12 digits that people see. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/**
 * The name that marks everything host-global (cgroups, later bridges and nft tables) as belonging to one data root, so that
 * two roots never meet: `wherry` for the default root, else `wherry-` and eight hexadecimal digits.
 */
export function instanceName(root: string): string {
  if (root === defaultRoot) return "wherry";
  // Not imported above: the default root does not pay for loading it.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return `wherry-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
}

export const defaultRoot = "/var/lib/wherry";
export const defaultRunRoot = "/run/wherry";
