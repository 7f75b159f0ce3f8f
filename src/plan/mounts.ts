import { attachCgroupMount, prepareCgroupMount } from "./cgroup-mount.ts";
import { prepareBind } from "./bind-mounts.ts";
import { createDevFilesystem, createDeviceNodes } from "./devices.ts";
import { parseMountOptions } from "./mount-options.ts";
import type { MountTargets } from "./mount-targets.ts";
import type { OciMount } from "./oci-config.ts";
import { configInvalid, configUnsupported, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/** A mount that is made and waits, detached, to be attached in the container. */
export interface PreparedMount {
  readonly destination: string;
  readonly kind: string;
  /** Null: nothing is mounted here. */
  readonly slot: Slot | null;
  readonly file: boolean;
  /** Its own attachment, when one move_mount is not all. */
  readonly attach?: (targets: MountTargets) => void;
}

export interface PreparedMounts {
  /** In the order of attachment. */
  readonly mounts: readonly PreparedMount[];
  /** The container's own procfs, fresh and with nothing mounted over it; null when the configuration mounts none. */
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
    if (options.copyUp) throw configUnsupported("mount option `tmpcopyup`");
    const kind = options.bind || mount.type === undefined || mount.type === "bind" ? "bind" : mount.type;
    if (kind === "bind") {
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
      createDevFilesystem(context, { options: options.data, attributes: dev.attributes, slot });
      createDeviceNodes(context, slot);
      context.gifts.push(slot);
      mounts.push({ destination, kind, slot, file: false });
    } else {
      const slot = createInside(context, { mount, kind, destination });
      if (kind === "proc" && destination === "/proc") proc = slot;
      mounts.push({ destination, kind, slot, file: false });
    }
  }
  return { mounts, proc, dev, foreignDev };
}

/** CHILD: a file system that belongs to the container's namespaces, so it is made by the container's first process. */
function createInside(
  context: PlanContext,
  given: { readonly mount: OciMount; readonly kind: string; readonly destination: string },
): Slot {
  const { mount, kind, destination } = given;
  const { data, attributes, recursiveAttributes } = parseMountOptions(mount.options);
  const slot = context.plan.slot(slotName(destination));
  context.plan.child("FS", [kind, [`source=${mount.source ?? kind}`, ...data], [], [], attributes.set | recursiveAttributes.set, slot], {
    why: WHY[kind] ?? `${kind} for ${destination}`,
    doing: `mount ${kind} on \`${destination}\``,
  });
  return slot;
}

const WHY: Readonly<Record<string, string>> = {
  proc: "procfs shows the processes of the pid namespace it is made in",
  sysfs: "sysfs shows the devices of the network namespace it is made in",
  devpts: "terminals of the container's own",
  mqueue: "POSIX message queues of the ipc namespace",
};

/** CHILD: attaches what was prepared, in the configuration's order. */
export function attachMounts(context: PlanContext, prepared: PreparedMounts, targets: MountTargets): void {
  for (const { destination, kind, slot, file, attach } of prepared.mounts) {
    if (attach !== undefined) attach(targets);
    if (slot === null) continue;
    if (file) targets.file(destination);
    else targets.directory(destination);
    context.plan.child("MOVE", [slot, context.root, destination], {
      why: `at ${destination}`,
      doing: `mount ${kind} on \`${destination}\``,
    });
    targets.covered(destination);
  }
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
