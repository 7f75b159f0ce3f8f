import { O, RESOLVE } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/**
 * PARENT: the entry at `subpath` beneath a descriptor. Symbolic links may lead anywhere beneath it; one that leads out of it, absolute ones
 * included, ends the start (EXDEV). The kernel checks that while it looks up: no exchange of a directory for a symbolic link meanwhile can
 * lead elsewhere (CVE-2017-1002101, CVE-2021-25741).
 * @see openat2(2), RESOLVE_BENEATH
 */
export function openSubpath(
  context: PlanContext,
  { base, subpath, of }: { readonly base: Slot; readonly subpath: string; readonly of: string },
): Slot {
  const { plan } = context;
  const slot = plan.slot(`${base.name}-subpath`);
  plan.parent("OPEN", [base, subpath, O.O_PATH | O.O_CLOEXEC, 0, RESOLVE.RESOLVE_BENEATH | RESOLVE.RESOLVE_NO_MAGICLINKS, slot], {
    why: `${subpath} beneath it, never outside`,
    doing: `find the subpath \`${subpath}\` in \`${of}\` without leaving it`,
  });
  return slot;
}
