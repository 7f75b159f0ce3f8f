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
  return root === defaultRoot ? "wherry" : `wherry-${fnv1a(root).toString(16).padStart(8, "0")}`;
}

/** 32-bit FNV-1a of the UTF-16 units. A cryptographic hash would cost every start 2 ms of loading node:crypto. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

export const defaultRoot = "/var/lib/wherry";
export const defaultRunRoot = "/run/wherry";
