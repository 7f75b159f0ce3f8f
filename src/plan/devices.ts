import { MOUNT_ATTR } from "./kernel-flags.ts";
import type { MountTargets } from "./mount-targets.ts";
import type { OciDevice } from "./oci-config.ts";
import { hostOwner, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";
import { isInUserNamespace } from "./unprivileged.ts";

const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

/** Every Linux container has these. @see runtime-spec config-linux.md#default-devices */
const DEFAULT_DEVICES: readonly OciDevice[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666 },
];

const LINKS: readonly (readonly [string, string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/core", "/proc/kcore"],
  ["/dev/ptmx", "pts/ptmx"],
];

/** The devices that a container gets: the defaults, and those of the configuration, which win. */
export function containerDevices(context: PlanContext): readonly OciDevice[] {
  const listed = context.linux.devices ?? [];
  const paths = new Set(listed.map((device) => device.path));
  // ptmx is devpts' own, console the container's terminal.
  return [
    ...DEFAULT_DEVICES.filter((device) => !paths.has(device.path)),
    ...listed.filter(({ path }) => path !== "/dev/ptmx" && path !== "/dev/console"),
  ];
}

/**
 * PARENT: the nodes in a detached `/dev` file system. Made outside, so that they also work in a user namespace, where mknod is refused and
 * the nodes of a file system mounted inside could not be opened.
 */
export function createDeviceNodes(context: PlanContext, dev: Slot): void {
  if (!mayMakeNodes(context)) return;
  for (const device of containerDevices(context)) {
    if (!device.path.startsWith("/dev/")) continue;
    const path = device.path.slice("/dev".length);
    const parent = path.slice(0, path.lastIndexOf("/"));
    const root = hostOwner(context, { uid: 0, gid: 0 });
    if (parent !== "") context.plan.parent("MKDIRP", [dev, parent, 0o755, root.uid, root.gid], { why: `for ${device.path}` });
    addNode(context, "parent", { device, directory: dev, path });
  }
}

/** A node that is to be bound from the host, since mknod is refused in a user namespace. */
export interface HostNode {
  readonly device: OciDevice;
  readonly slot: Slot;
}

/** PARENT: nodes for places outside of a `/dev` of our own making, where the container has a user namespace. */
export function copyHostNodes(context: PlanContext, ownDev: boolean): readonly HostNode[] {
  if (!isInUserNamespace(context)) return [];
  return remainingDevices(context, ownDev).map((device) => {
    const slot = context.plan.slot(device.path.slice(1).replaceAll("/", "-"));
    context.plan.parent("TREE", [null, device.path, 0, slot], {
      why: `the host's ${device.path}`,
      doing: `bind device \`${device.path}\``,
    });
    context.gifts.push(slot);
    return { device, slot };
  });
}

function remainingDevices(context: PlanContext, ownDev: boolean): readonly OciDevice[] {
  return containerDevices(context).filter(({ path }) => !(ownDev && mayMakeNodes(context)) || !path.startsWith("/dev/"));
}

/** Nodes that the launcher makes can be opened, where the file system is not a user namespace's. */
function mayMakeNodes({ input }: PlanContext): boolean {
  return input.unprivileged === undefined;
}

/** CHILD: nodes that lie outside of a `/dev` of our own making: in the root file system, or anywhere else that the configuration names. */
export function createRemainingNodes(
  context: PlanContext,
  targets: MountTargets,
  given: { readonly ownDev: boolean; readonly hostNodes: readonly HostNode[] },
): void {
  for (const { device, slot } of given.hostNodes) {
    targets.file(device.path);
    context.plan.child("MOVE", [slot, context.root, device.path], {
      why: `device ${device.path}`,
      doing: `bind device \`${device.path}\``,
    });
  }
  if (isInUserNamespace(context)) return;
  for (const device of remainingDevices(context, given.ownDev)) {
    targets.directory(device.path.slice(0, device.path.lastIndexOf("/")));
    addNode(context, "child", { device, directory: context.root, path: device.path });
  }
}

function addNode(
  context: PlanContext,
  section: "parent" | "child",
  node: { readonly device: OciDevice; readonly directory: Slot; readonly path: string },
): void {
  const { device, directory, path } = node;
  const kind = device.type === "b" ? S_IFBLK : device.type === "p" ? S_IFIFO : S_IFCHR;
  const ids = { uid: device.uid ?? 0, gid: device.gid ?? 0 };
  const [major, minor] = device.type === "p" ? [0, 0] : [device.major ?? 0, device.minor ?? 0];
  const { uid, gid } = section === "parent" ? hostOwner(context, ids) : ids;
  context.plan.add(section, "MKNOD", [directory, path, kind | ((device.fileMode ?? 0o666) & 0o7777), major, minor, uid, gid], {
    why: `device ${device.path}`,
    doing: `make device \`${device.path}\``,
    // A root file system may bring its own.
    ...(section === "child" ? { ignore: ["EEXIST"] } : {}),
  });
}

/** CHILD: `/dev/stdin` and its like. */
export function createDeviceLinks(context: PlanContext): void {
  for (const [path, target] of LINKS) {
    context.plan.child("SYMLINK", [context.root, path, target], {
      why: "as on every Linux host",
      ignore: ["EEXIST"],
      doing: `make the link \`${path}\``,
    });
  }
}

/** PARENT: the `/dev` file system, whose root belongs to the container's root. */
export function createDevFilesystem(
  context: PlanContext,
  mount: { readonly options: readonly string[]; readonly attributes: number; readonly slot: Slot },
): void {
  const { uid, gid } = hostOwner(context, { uid: 0, gid: 0 });
  const owner = context.mappings === null ? [] : [`uid=${uid}`, `gid=${gid}`];
  context.plan.parent(
    "FS",
    ["tmpfs", ["source=tmpfs", ...mount.options, ...owner], [], [], mount.attributes & ~MOUNT_ATTR.MOUNT_ATTR_RDONLY, mount.slot],
    { why: "the container's /dev", doing: "mount tmpfs on `/dev`" },
  );
}

/** CHILD: a `/dev` that was asked for read-only is so once it is filled. */
export function finishDevFilesystem(context: PlanContext, attributes: number): void {
  if ((attributes & MOUNT_ATTR.MOUNT_ATTR_RDONLY) === 0) return;
  context.plan.child("ATTR", [context.root, "/dev", 0, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, null], {
    why: "/dev is read-only",
    doing: "make `/dev` read-only",
  });
}
