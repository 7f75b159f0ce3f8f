import type { HostPath } from "../core/brands.ts";
import { AT, MOUNT_ATTR, MS } from "./kernel-flags.ts";
import type { PreparedMount } from "./mounts.ts";
import { slotName } from "./mounts.ts";
import type { OciMount } from "./oci-config.ts";
import { configUnsupported, type PlanContext } from "./plan-context.ts";
import { inOwnMountNamespace, mappedLayer, MAX_MOUNT_DATA } from "./rootfs.ts";
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

function stackLayers(context: PlanContext, given: LayerMount, { stack, doing }: { readonly stack: Slot; readonly doing: string }): void {
  const { plan, input } = context;
  const { layers, userns } = given;
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
  const why = `${layers.length} read-only layers`;
  if (!input.features.overlayLowerdirPlus) {
    stackLegacyLayers(context, given, { stack, why, doing });
    return;
  }
  if (userns === null) {
    plan.parent("FS", ["overlay", ["source=overlay", ...layers.map((layer) => `lowerdir+=${layer}`)], [], [], 0, stack], { why, doing });
    return;
  }
  const mapped = layers.map((layer, index) => mappedLayer(context, layer, index, userns));
  plan.parent("FS", ["overlay", ["source=overlay"], mapped.map(() => "lowerdir+"), mapped, 0, stack], { why, doing });
  plan.parent("CLOSE", [mapped], { why: "the overlay holds its layers itself" });
}

/** Before `lowerdir+`: by mount(2), in a mount namespace of its own, where nobody sees what is attached for the while. */
function stackLegacyLayers(
  context: PlanContext,
  { layers, userns }: LayerMount,
  { stack, why, doing }: { readonly stack: Slot; readonly why: string; readonly doing: string },
): void {
  const { plan } = context;
  const data = `lowerdir=${layers.map(escapeLower).join(":")}`;
  if (Buffer.byteLength(data) > MAX_MOUNT_DATA)
    throw configUnsupported(`an image of ${layers.length} layers as a mount, before Linux 6.7,`);
  const [place = "/"] = layers;
  inOwnMountNamespace(context, () => {
    if (userns !== null) {
      layers.forEach((lower, index) => {
        const layer = mappedLayer(context, lower, index, userns);
        plan.parent("MOVE", [layer, null, lower], { why: "the mapped layer takes the place of the plain one", doing });
      });
    }
    plan.parent("MOUNT", ["overlay", null, place, "overlay", MS.MS_RDONLY, data], { why, doing });
    plan.parent("TREE", [null, place, 0, stack], { why: "as a detached mount, to be handed over", doing });
  });
}

/** overlayfs separates layers by colons, mount(2) options by commas; both take a backslash before one that belongs to a path. */
function escapeLower(path: string): string {
  return path.replaceAll(/[\\:,]/g, "\\$&");
}
