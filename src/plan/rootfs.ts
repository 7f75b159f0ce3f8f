import { AT, CLONE, MNT_DETACH, MOUNT_ATTR, MS, O } from "./kernel-flags.ts";
import { configUnsupported, type PlanContext } from "./plan-context.ts";
import type { RootFilesystem } from "./plan-input.ts";
import type { Slot } from "./slot.ts";

type Overlay = Extract<RootFilesystem, { kind: "overlay" }>;

/** fsconfig(2) takes strings of at most 255 bytes. */
const MAX_FSCONFIG_STRING = 255;
/** mount(2) takes one page with its final NUL. */
export const MAX_MOUNT_DATA = 4095;
/** `lowerdir+` refuses the 501st with EINVAL. */
const MAX_LOWERS = 500;

/**
 * PARENT: the root file system as a detached mount in `context.root`, made outside of the container's namespaces: inside a user namespace
 * overlayfs could not read `trusted.overlay.*` and deleted files of the image would re-appear.
 */
export function createRootFilesystem(context: PlanContext, userns: Slot | null): void {
  const { plan, root, input } = context;
  const { rootfs } = input;
  if (rootfs.kind === "bundle") {
    plan.parent("TREE", [null, rootfs.path, AT.AT_RECURSIVE, root], {
      why: "the bundle's directory as the root file system",
      doing: `bind the root file system \`${rootfs.path}\``,
    });
    // What the host mounts later appears in a slave; what the container mounts stays there either way.
    const spread = context.linux.rootfsPropagation?.endsWith("slave") === true ? MS.MS_SLAVE : MS.MS_PRIVATE;
    plan.parent("ATTR", [root, "", AT.AT_EMPTY_PATH | AT.AT_RECURSIVE, 0, 0, spread, null], {
      why: "mounts made in the container stay there",
    });
    // Not mapped: who made the bundle has given its files to the container's ids already. @see runtime-spec config-linux.md#user-namespace-mappings
  } else if (input.features.overlayLowerdirPlus) {
    createOverlay(context, rootfs, userns);
  } else {
    createLegacyOverlay(context, rootfs, userns);
  }
  context.gifts.push(root);
}

function mapMount(context: PlanContext, mount: Slot, userns: Slot, path: string): void {
  context.plan.parent("ATTR", [mount, "", AT.AT_EMPTY_PATH, MOUNT_ATTR.MOUNT_ATTR_IDMAP, 0, 0, userns], {
    why: "its files appear with the container's ids",
    doing: `map the ids of \`${path}\``,
  });
}

/** One `lowerdir+` per layer: no limit on the length of paths, and nothing to escape in them. */
function createOverlay(context: PlanContext, rootfs: Overlay, userns: Slot | null): void {
  const writable = [
    "source=overlay",
    `upperdir=${rootfs.upper}`,
    `workdir=${rootfs.work}`,
    ...(rootfs.volatile === true ? ["volatile"] : []),
  ];
  const notes = {
    why: `${rootfs.lowers.length} read-only layer(s) below the container's own`,
    doing: "mount the root file system's layers",
  };
  checkLowers(rootfs);
  if (userns === null) {
    context.plan.parent(
      "FS",
      ["overlay", [...rootfs.lowers.map((lower) => `lowerdir+=${lower}`), ...writable], [], [], 0, context.root],
      notes,
    );
    return;
  }
  const layers = rootfs.lowers.map((lower, index) => mappedLayer(context, lower, index, userns));
  context.plan.parent("FS", ["overlay", writable, layers.map(() => "lowerdir+"), layers, 0, context.root], notes);
  context.plan.parent("CLOSE", [layers], { why: "the overlay holds its layers itself" });
}

/** PARENT: a layer of its own mount, whose files appear with the container's ids. */
export function mappedLayer(context: PlanContext, lower: string, index: number, userns: Slot): Slot {
  const layer = context.plan.slot(`layer-${index}`);
  context.plan.parent("TREE", [null, lower, 0, layer], {
    why: "a layer, to be seen through a mapping of ids",
    doing: `bind layer \`${lower}\``,
  });
  mapMount(context, layer, userns, lower);
  return layer;
}

/**
 * Before `lowerdir+` (6.1 takes its strings and fails at create). Layers are named by short symbolic links relative to the working directory,
 * because fsconfig(2) ends strings at 255 bytes; what does not fit goes through mount(2), in a mount namespace of its own: nothing is ever
 * attached where the host could see it. Id-mapped layers need that namespace too, since a string can only name an attached mount.
 */
function createLegacyOverlay(context: PlanContext, rootfs: Overlay, userns: Slot | null): void {
  const { plan, root } = context;
  checkLowers(rootfs);
  const lowerdir = `lowerdir=${rootfs.lowers.map((_, index) => index).join(":")}`;
  const options = [lowerdir, `upperdir=${rootfs.upper}`, `workdir=${rootfs.work}`, ...(rootfs.volatile === true ? ["volatile"] : [])];
  const values = options.map((option) => Buffer.byteLength(option.slice(option.indexOf("=") + 1)));
  const notes = {
    why: `${rootfs.lowers.length} read-only layer(s) below the container's own`,
    doing: "mount the root file system's layers",
  };
  if (userns === null && values.every((bytes) => bytes <= MAX_FSCONFIG_STRING) && !options.some((option) => option.includes(","))) {
    plan.parent("CHDIR", [null, rootfs.links], { why: "the layers' short names are relative to here" });
    plan.parent("FS", ["overlay", ["source=overlay", ...options], [], [], 0, root], notes);
    plan.parent("CHDIR", [null, "/"], { why: "back again" });
    return;
  }
  const data = options.map(escapeMountOption).join(",");
  if (Buffer.byteLength(data) > MAX_MOUNT_DATA)
    throw configUnsupported(`a data root with so long a path that ${rootfs.lowers.length} layers don't fit into one mount(2)`);
  inOwnMountNamespace(context, () => {
    if (userns !== null) {
      rootfs.lowers.forEach((lower, index) => {
        const layer = mappedLayer(context, lower, index, userns);
        plan.parent("MOVE", [layer, null, lower], {
          why: "the mapped layer takes the place of the plain one",
          doing: `map the ids of layer \`${lower}\``,
        });
      });
    }
    plan.parent("CHDIR", [null, rootfs.links], { why: "the layers' short names are relative to here" });
    plan.parent("MOUNT", ["overlay", null, rootfs.links, "overlay", 0, data], notes);
    plan.parent("TREE", [null, rootfs.links, 0, root], { why: "the overlay as a detached mount, to be handed over" });
    plan.parent("UMOUNT", [rootfs.links, MNT_DETACH], { why: "the detached mount is enough" });
  });
}

/** PARENT: for what can only be assembled where it is attached: nothing of it is ever seen on the host. */
export function inOwnMountNamespace({ plan }: PlanContext, assemble: () => void): void {
  const own = plan.slot("own-mnt");
  plan.parent("OPEN", [null, "/proc/self/ns/mnt", O.O_CLOEXEC, 0, 0, own], { why: "the launcher's own mount namespace, to come back to" });
  plan.parent("UNSHARE", [CLONE.CLONE_NEWNS], { why: "a mount namespace to assemble the layers in, unseen by the host" });
  plan.parent("ATTR", [null, "/", AT.AT_RECURSIVE, 0, 0, MS.MS_PRIVATE, null], { why: "nothing mounted here leaves it" });
  assemble();
  plan.parent("SETNS", [own, CLONE.CLONE_NEWNS], { why: "back; the namespace and all in it vanish" });
}

/** mount(2) separates options by commas, overlayfs takes a backslash before one that belongs to a path. */
function escapeMountOption(option: string): string {
  return option.replaceAll("\\", "\\\\").replaceAll(",", "\\,");
}

function checkLowers(rootfs: Overlay): void {
  if (rootfs.lowers.length === 0) throw new RangeError("an overlay without a lower layer");
  if (rootfs.lowers.length > MAX_LOWERS)
    throw configUnsupported(`an image of ${rootfs.lowers.length} layers, more than overlayfs stacks (${MAX_LOWERS}),`);
}

/** CHILD: nothing that happens to mounts from here on reaches the host. A mount namespace of somebody else's is left as it is. */
export function isolateMounts(context: PlanContext): void {
  if (context.joined.has("mount")) return;
  context.plan.child("ATTR", [null, "/", AT.AT_RECURSIVE, 0, 0, MS.MS_PRIVATE, null], {
    why: "mounts made here do not reach the host",
    doing: "make the container's mounts private",
  });
}

/**
 * CHILD: the detached root takes a place in the new mount namespace; which one matters not, it becomes `/` by PIVOT. A bundle's is put where
 * it came from: createRuntime hooks look for it there. Root of a user namespace may not be let through to that place.
 */
export function attachRoot(context: PlanContext): void {
  const { rootfs, noPivot } = context.input;
  const inPlace = rootfs.kind === "bundle" && noPivot !== true && context.mappings === null;
  context.plan.child("MOVE", [context.root, null, inPlace ? rootfs.path : "/"], {
    why: "the root file system enters the container's mount namespace",
    doing: "attach the root file system",
  });
}

/** CHILD: from here on the host's files are out of sight and reach. */
export function pivotRoot(context: PlanContext): void {
  const doing = "change the root to the container's";
  // In a mount namespace that others live in, pivot_root would take their root away.
  if (context.joined.has("mount") || context.input.noPivot === true)
    context.plan.child("CHROOT", [context.root], { why: "it becomes `/` for this process", doing });
  else context.plan.child("PIVOT", [context.root], { why: "it becomes `/`; the host's tree is detached", doing });
  // runc's `rshared` as well: volumes have their own propagation by now, which must not be overwritten.
  const propagation = context.linux.rootfsPropagation?.replace(/^r/, "");
  if (propagation !== "shared" && propagation !== "slave" && propagation !== "unbindable") return;
  const bits = { shared: MS.MS_SHARED, slave: MS.MS_SLAVE, unbindable: MS.MS_UNBINDABLE }[propagation];
  context.plan.child("ATTR", [context.root, "", AT.AT_EMPTY_PATH, 0, 0, bits, null], { why: `the root's mounts are ${propagation}` });
}

/** CHILD, after every mount target was made. */
export function makeRootReadonly(context: PlanContext): void {
  if (context.config.root?.readonly !== true) return;
  context.plan.child("ATTR", [context.root, "", AT.AT_EMPTY_PATH, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, null], {
    why: "--read-only",
    doing: "make the root file system read-only",
  });
}
