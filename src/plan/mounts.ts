import { attachCgroupMount, prepareCgroupMount } from "./cgroup-mount.ts";
import { prepareBind } from "./bind-mounts.ts";
import { createDevFilesystem, createDeviceNodes } from "./devices.ts";
import { prepareLayerMount } from "./layer-mounts.ts";
import { AT, MOUNT_ATTR, MS, O, RESOLVE } from "./kernel-flags.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import type { MountTargets } from "./mount-targets.ts";
import type { OciMount, OciNamespaceType } from "./oci-config.ts";
import { configInvalid, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";
import { isInUserNamespace } from "./unprivileged.ts";

/** A mount that is made and waits, detached, to be attached in the container. */
export interface PreparedMount {
  readonly destination: string;
  readonly kind: string;
  /** Null: nothing is mounted here. */
  readonly slot: Slot | null;
  readonly file: boolean;
  /** What is to be done when its place is there and still shows what it will hide. */
  readonly fill?: () => void;
  /** Its own attachment, when one move_mount is not all. */
  readonly attach?: (targets: MountTargets) => void;
}

export interface PreparedMounts {
  /** In the order of attachment. */
  readonly mounts: readonly PreparedMount[];
  /**
   * The container's own procfs, fresh and with nothing mounted over it, or the host's where a user namespace may not mount one; null when the
   * configuration mounts none.
   */
  readonly proc: Slot | null;
  /** The attributes of a `/dev` tmpfs of our own making; null when there is none. */
  readonly dev: { readonly attributes: number } | null;
  /** `/dev` is somebody else's (a bind mount): no nodes, no links are made in it. */
  readonly foreignDev: boolean;
}

/**
 * Makes the configuration's mounts, none attached yet: what needs the container's namespaces (proc, sysfs, mqueue, devpts, tmpfs) in CHILD, binds and
 * `/dev` in PARENT. Both sides work at the same time.
 */
export function prepareMounts(context: PlanContext, userns: Slot | null): PreparedMounts {
  let proc: Slot | null = null;
  let dev: { attributes: number } | null = null;
  let foreignDev = false;
  const mounts: PreparedMount[] = [];
  for (const mount of context.config.mounts ?? []) {
    const destination = cleanDestination(mount.destination);
    const options = parseMountOptions(mount.options);
    const kind = options.bind || mount.type === undefined || mount.type === "bind" ? "bind" : mount.type;
    if (options.copyUp && (kind !== "tmpfs" || destination === "/dev"))
      throw configInvalid(`\`tmpcopyup\` for \`${destination}\`, which is no tmpfs to copy into`);
    if (kind !== "bind" && (options.idmap || mount.uidMappings !== undefined || mount.gidMappings !== undefined))
      throw configInvalid(`an id mapping for \`${destination}\`, which is no bind mount`);
    const layers = context.input.layerMounts?.[mount.destination];
    if (layers !== undefined) {
      mounts.push(prepareLayerMount(context, { mount, destination, layers, userns }));
    } else if (kind === "bind") {
      if (destination === "/dev") foreignDev = true;
      mounts.push(prepareBind(context, { mount, destination, options, userns }));
    } else if (kind === "cgroup" || kind === "cgroup2") {
      const prepared = prepareCgroupMount(context, destination, options);
      mounts.push({
        destination,
        kind: "cgroup",
        slot: null,
        file: false,
        attach: (targets) => attachCgroupMount(context, prepared, targets),
      });
    } else if (destination === "/dev" && kind === "tmpfs") {
      const slot = context.plan.slot("dev");
      dev = { attributes: options.attributes.set };
      createDevFilesystem(context, { options: [...options.data, ...mountLabel(context, kind)], attributes: dev.attributes, slot });
      createDeviceNodes(context, slot);
      context.gifts.push(slot);
      mounts.push({ destination, kind, slot, file: false });
    } else {
      const fallback = hostFallback(context, { kind, destination, options });
      if (fallback !== null) mounts.push({ destination, kind, slot: fallback, file: false });
      const slot = createInside(context, { mount, kind, destination, options, mayFail: fallback !== null });
      if (kind === "proc" && destination === "/proc") proc = fallback === null ? slot : openHostProc(context);
      mounts.push({
        destination,
        kind,
        slot,
        file: false,
        ...(options.copyUp ? { fill: () => copyUp(context, { slot, destination, attributes: options.attributes.set }) } : {}),
      });
    }
  }
  // Engines bind the host's procfs themselves in that case.
  if (proc === null && isInUserNamespace(context) && !context.own.has("pid")) proc = openHostProc(context);
  return { mounts, proc, dev, foreignDev };
}

/** CHILD: a file system that belongs to the container's namespaces, so it is made by the container's first process. */
function createInside(
  context: PlanContext,
  given: {
    readonly mount: OciMount;
    readonly kind: string;
    readonly destination: string;
    readonly options: MountOptions;
    readonly mayFail: boolean;
  },
): Slot {
  const { mount, kind, destination, options } = given;
  const { data, attributes, recursiveAttributes, propagation } = options;
  const slot = context.plan.slot(slotName(destination));
  const set = attributes.set | recursiveAttributes.set;
  const doing = `mount ${kind} on \`${destination}\``;
  context.plan.child(
    "FS",
    [
      kind,
      [`source=${mount.source ?? kind}`, ...data, ...mountLabel(context, kind)],
      [],
      [],
      options.copyUp ? set & ~MOUNT_ATTR.MOUNT_ATTR_RDONLY : set,
      slot,
    ],
    {
      why: WHY.get(kind) ?? `${kind} for ${destination}`,
      doing,
      ...(given.mayFail ? { ignore: ["EPERM"] as const } : {}),
    },
  );
  if (propagation !== 0)
    context.plan.child("ATTR", [slot, "", AT.AT_EMPTY_PATH, 0, 0, propagation, null], {
      why: "how mounts spread beneath it",
      doing,
    });
  return slot;
}

/** `linux.mountLabel` for a file system that has no labels of its own; proc and sysfs get theirs from the policy. */
export function mountLabel({ linux }: PlanContext, kind: string): readonly string[] {
  return (linux.mountLabel ?? "") === "" || kind === "proc" || kind === "sysfs" ? [] : [`context=${linux.mountLabel}`];
}

/** Whose namespace the kind of file system shows: a user namespace may mount it only if it owns that one, too. */
const SHOWN: ReadonlyMap<string, readonly [OciNamespaceType, string]> = new Map([
  ["proc", ["pid", "/proc"]],
  ["sysfs", ["network", "/sys"]],
  ["mqueue", ["ipc", "/dev/mqueue"]],
]);

/**
 * PARENT: in a user namespace that may not mount a file system because it shows somebody else's namespace, the host's own takes its place, as
 * with other runtimes. Attached first: should the mount succeed after all (a joined namespace may belong to it), it lies on top.
 */
function hostFallback(
  context: PlanContext,
  { kind, destination, options }: { readonly kind: string; readonly destination: string; readonly options: MountOptions },
): Slot | null {
  const [shown, path] = SHOWN.get(kind) ?? [];
  if (shown === undefined || path === undefined || !isInUserNamespace(context) || context.own.has(shown)) return null;
  // Not every host mounts one; a joined ipc namespace is the pod's, which the user namespace owns.
  if (kind === "mqueue" && context.joined.has(shown)) return null;
  const { plan, gifts } = context;
  const slot = plan.slot(`host-${kind}`);
  const doing = `bind \`${path}\` on \`${destination}\``;
  plan.parent("TREE", [null, path, AT.AT_RECURSIVE, slot], {
    why: `the host's ${path}, since a user namespace may not mount ${kind} of others`,
    doing,
  });
  const set = options.attributes.set | options.recursiveAttributes.set;
  plan.parent("ATTR", [slot, "", AT.AT_EMPTY_PATH | AT.AT_RECURSIVE, set, 0, MS.MS_SLAVE, null], {
    why: "its attributes, all of it",
    doing,
  });
  gifts.push(slot);
  return slot;
}

/** CHILD, while the host's root is still its own: nothing of the container's can be mounted over it yet. */
function openHostProc({ plan }: PlanContext): Slot {
  const slot = plan.slot("proc-of-the-host");
  plan.child("OPEN", [null, "/proc", O.O_PATH | O.O_CLOEXEC, 0, 0, slot], {
    why: "the host's procfs, to write sysctls and labels through",
  });
  return slot;
}

/** CHILD, before the attachment: `tmpcopyup`, what the image has in that place; then it can be made read-only. */
function copyUp(
  context: PlanContext,
  { slot, destination, attributes }: { readonly slot: Slot; readonly destination: string; readonly attributes: number },
): void {
  const { plan, root } = context;
  const doing = `copy \`${destination}\` into its tmpfs`;
  plan.child("COPYUP", [slot, root, destination], { why: `tmpcopyup: the image's ${destination} comes along`, doing });
  if ((attributes & MOUNT_ATTR.MOUNT_ATTR_RDONLY) !== 0)
    plan.child("ATTR", [slot, "", AT.AT_EMPTY_PATH, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, null], {
      why: "read-only, now that it is filled",
      doing,
    });
}

const WHY: ReadonlyMap<string, string> = new Map([
  ["proc", "procfs shows the processes of the pid namespace it is made in"],
  ["sysfs", "sysfs shows the devices of the network namespace it is made in"],
  ["devpts", "terminals of the container's own"],
  ["mqueue", "POSIX message queues of the ipc namespace"],
]);

/** CHILD: attaches what was prepared, in the configuration's order. */
export function attachMounts(context: PlanContext, prepared: PreparedMounts, targets: MountTargets): void {
  for (const { destination, kind, slot, file, attach, fill } of prepared.mounts) {
    if (attach !== undefined) attach(targets);
    if (slot === null) continue;
    const doing = `mount ${kind} on \`${destination}\``;
    let place: Slot | null = null;
    if (file && context.input.entryMounts?.includes(destination) === true) {
      place = context.plan.slot(`${slotName(destination)}-place`);
      targets.entry(destination, place);
    } else if (file) targets.file(destination);
    else targets.directory(destination);
    fill?.();
    if (kind === "proc" || kind === "sysfs") place = openOrdinary(context, destination, doing);
    const target = place === null ? ([context.root, destination] as const) : ([place, ""] as const);
    context.plan.child("MOVE", [slot, ...target], { why: `at ${destination}`, doing });
    if (place !== null) context.plan.child("CLOSE", [[place]], { why: "it is covered" });
    targets.covered(destination);
  }
}

/**
 * CHILD: what the kernel shows of itself is seen at that very path or not at all: a symlink in its place could lead into a volume, whose files
 * would pass for the kernel's (CVE-2019-19921, CVE-2023-27561).
 */
function openOrdinary({ plan, root }: PlanContext, destination: string, doing: string): Slot {
  const place = plan.slot(`${slotName(destination)}-place`);
  plan.child(
    "OPEN",
    [root, destination.slice(1), O.O_PATH | O.O_CLOEXEC, 0, RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_SYMLINKS, place],
    {
      why: "an ordinary directory: no symlink leads elsewhere",
      doing: `${doing}, which must not be a symlink`,
    },
  );
  return place;
}

function cleanDestination(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..")) throw configInvalid(`mount destination \`${path}\` must be an absolute path below \`/\``);
  return `/${parts.join("/")}`;
}

/** `/dev/pts` → `dev-pts`: how explanations call it. */
export function slotName(destination: string): string {
  return destination.slice(1).replaceAll("/", "-");
}
