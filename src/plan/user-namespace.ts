import { formatIdMap } from "./id-mapping.ts";
import { O } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/** The container's user namespace as an id-mapped mount needs it, or null without one. */
export interface UserNamespace {
  /** On the launcher's side. */
  readonly descriptor: Slot | null;
}

const encoder = new TextEncoder();

/**
 * PARENT and CHILD, first: the mappings are written from outside (the only way to map more than one id), then the child becomes the
 * namespace's root. Before that it has no id in the namespace and can do nothing.
 * @see user_namespaces(7)
 */
export function mapIds(context: PlanContext): UserNamespace {
  const { plan, mappings } = context;
  if (mappings === null) return { descriptor: null };
  if (context.own.has("user")) writeMappings(context, mappings);
  plan.child("IDS", [0, 0, new Uint8Array(0)], { why: "root in the user namespace", doing: "become root in the user namespace" });
  return { descriptor: context.input.features.idmappedMounts ? openDescriptor(context) : null };
}

function writeMappings({ plan }: PlanContext, mappings: NonNullable<PlanContext["mappings"]>): void {
  plan.parent("IDMAP", [encoder.encode(formatIdMap(mappings.uid)), encoder.encode(formatIdMap(mappings.gid))], {
    why: "which ids of the host the container's ids are",
    doing: "map the container's ids",
  });
  plan.parent("GIVE", [[]], { why: "the child may go on: its ids are mapped" });
  plan.child("TAKE", [[]], { why: "wait until the ids are mapped", doing: "wait for the id mapping" });
}

function openDescriptor(context: PlanContext): Slot {
  const slot = context.plan.slot("userns");
  context.plan.parent("OPENCHILD", ["ns/user", O.O_CLOEXEC, slot], { why: "the user namespace, to map mounts by" });
  return slot;
}
