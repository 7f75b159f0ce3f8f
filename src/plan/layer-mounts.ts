import type { HostPath } from "../core/brands.ts";
import { AT, MOUNT_ATTR, MS } from "./kernel-flags.ts";
import type { PreparedMount } from "./mounts.ts";
import { slotName } from "./mounts.ts";
import type { OciMount } from "./oci-config.ts";
import { configUnsupported, type PlanContext } from "./plan-context.ts";
import { mappedLayer } from "./rootfs.ts";
import type { Slot } from "./slot.ts";
import { openSubpath } from "./subpath.ts";

interface LayerMount {
  readonly mount: OciMount;
  readonly destination: string;
  /** Top first. */
  readonly layers: readonly HostPath[];
  readonly userns: Slot | null;
}

/** PARENT: layers stacked read-only, as a detached mount. One alone, which overlayfs does not take without a writable one, is bound as it is. */
export function prepareLayerMount(context: PlanContext, given: LayerMount): PreparedMount {
  const { mount, destination } = given;
  const { plan, input, gifts } = context;
  const source = mount.source ?? "";
  const stack = plan.slot(`${slotName(destination)}-layers`);
  const doing = `mount the image \`${source}\` on \`${destination}\``;
  stackLayers(context, given, { stack, doing });
  plan.parent("ATTR", [stack, "", AT.AT_EMPTY_PATH, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, MS.MS_PRIVATE, null], {
    why: "an image does not change",
    doing,
  });
  const subpath = input.subpaths?.[mount.destination];
  const file = input.fileMounts.includes(mount.destination);
  if (subpath === undefined) {
    gifts.push(stack);
    return { destination, kind: `the image \`${source}\``, slot: stack, file };
  }
  const found = openSubpath(context, { base: stack, subpath, of: source });
  const slot = plan.slot(slotName(destination));
  plan.parent("TREE", [found, "", AT.AT_EMPTY_PATH, slot], { why: "what was found, as a mount", doing });
  plan.parent("CLOSE", [[stack, found]], { why: "no longer needed" });
  gifts.push(slot);
  return { destination, kind: `the image \`${source}\``, slot, file };
}

function stackLayers(
  context: PlanContext,
  { layers, userns }: LayerMount,
  { stack, doing }: { readonly stack: Slot; readonly doing: string },
): void {
  const { plan, input } = context;
  const [only] = layers;
  if (layers.length === 1 && only !== undefined) {
    plan.parent("TREE", [null, only, 0, stack], { why: "the image's only layer", doing });
    if (userns !== null) {
      plan.parent("ATTR", [stack, "", AT.AT_EMPTY_PATH, MOUNT_ATTR.MOUNT_ATTR_IDMAP, 0, 0, userns], {
        why: "its files appear with the container's ids",
        doing,
      });
    }
    return;
  }
  if (!input.features.overlayLowerdirPlus) throw configUnsupported("an image of several layers as a mount, before Linux 6.7,");
  const why = `${layers.length} read-only layers`;
  if (userns === null) {
    plan.parent("FS", ["overlay", ["source=overlay", ...layers.map((layer) => `lowerdir+=${layer}`)], [], [], 0, stack], { why, doing });
    return;
  }
  const mapped = layers.map((layer, index) => mappedLayer(context, layer, index, userns));
  plan.parent("FS", ["overlay", ["source=overlay"], mapped.map(() => "lowerdir+"), mapped, 0, stack], { why, doing });
  plan.parent("CLOSE", [mapped], { why: "the overlay holds its layers itself" });
}
