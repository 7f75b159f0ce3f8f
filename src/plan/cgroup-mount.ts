import { AT } from "./kernel-flags.ts";
import type { MountOptions } from "./mount-options.ts";
import type { MountTargets } from "./mount-targets.ts";
import { hostOwner, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/** What is mounted for `/sys/fs/cgroup`. */
export interface CgroupMount {
  readonly destination: string;
  readonly base: Slot;
  /** v1: one directory per hierarchy on the tmpfs `base`. */
  readonly hierarchies: readonly { readonly name: string; readonly slot: Slot }[];
  /** Applied to all of it at the end. */
  readonly attributes: number;
  /** Of directories of the host's, that have no attributes of their own yet. */
  readonly isBound: boolean;
}

/**
 * v2: a cgroup2 file system made in the container's cgroup namespace. v1 and hybrid: a tmpfs with the container's own directory of every
 * hierarchy bound into it; that shows just what a mount in a cgroup namespace would, at a third of the system calls.
 */
export function prepareCgroupMount(context: PlanContext, destination: string, options: MountOptions): CgroupMount {
  const { plan } = context;
  const placements = context.input.cgroups?.placements ?? [];
  const base = plan.slot("sys-fs-cgroup");
  const attributes = options.attributes.set | options.recursiveAttributes.set;
  if (placements.some(({ version }) => version === 1)) {
    // In PARENT, though it could be made inside as well: the child has more to do.
    const { uid, gid } = hostOwner(context, { uid: 0, gid: 0 });
    plan.parent("FS", ["tmpfs", ["source=tmpfs", "mode=755", `uid=${uid}`, `gid=${gid}`], [], [], 0, base], {
      why: "holds one directory per cgroup hierarchy",
      doing: `mount tmpfs on \`${destination}\``,
    });
    context.gifts.push(base);
    const hierarchies = placements.map(({ directory }) => {
      const name = /^\/sys\/fs\/cgroup\/([^/]+)\//.exec(directory)?.[1] ?? "unified";
      const slot = plan.slot(`cgroup-${name}`);
      plan.parent("MKDIRP", [base, name, 0o755, uid, gid], { why: `a place for ${name}` });
      plan.parent("TREE", [null, directory, 0, slot], {
        why: `the container's cgroup in the hierarchy ${name}`,
        doing: `bind cgroup \`${directory}\``,
      });
      context.gifts.push(slot);
      return { name, slot };
    });
    return { destination, base, hierarchies, attributes, isBound: true };
  }
  const { unprivileged } = context.input;
  // In a container that was put into no group, of a user: its caller's, as far as they can be seen.
  const hasOwn = placements.length > 0 || unprivileged === undefined || unprivileged.unifiedCgroups;
  if (context.own.has("cgroup") && hasOwn) {
    plan.child("FS", ["cgroup2", ["source=cgroup"], [], [], attributes, base], {
      why: "its root is the container's cgroup, by the cgroup namespace",
      doing: `mount cgroup2 on \`${destination}\``,
    });
  } else {
    // A new cgroup2 mount from the host's cgroup namespace would reset the host's own mount options (nsdelegate, memory_recursiveprot).
    plan.parent("TREE", [null, "/sys/fs/cgroup", unprivileged === undefined ? 0 : AT.AT_RECURSIVE, base], {
      why: "the host's cgroup tree, as the cgroup namespace is shared",
      doing: `bind \`/sys/fs/cgroup\` on \`${destination}\``,
    });
    context.gifts.push(base);
  }
  return { destination, base, hierarchies: [], attributes, isBound: !(context.own.has("cgroup") && hasOwn) };
}

/** CHILD. */
export function attachCgroupMount(context: PlanContext, mount: CgroupMount, targets: MountTargets): void {
  const { plan, root } = context;
  const { destination, base, hierarchies, attributes, isBound } = mount;
  targets.directory(destination);
  plan.child("MOVE", [base, root, destination], { why: `at ${destination}`, doing: `mount cgroup on \`${destination}\`` });
  targets.covered(destination);
  for (const { name, slot } of hierarchies) {
    const path = `${destination}/${name}`;
    plan.child("MOVE", [slot, root, path], { why: `at ${path}`, doing: `mount cgroup on \`${path}\`` });
    targets.covered(path);
    if (!name.includes(",")) continue;
    for (const alias of name.split(","))
      plan.child("SYMLINK", [root, `${destination}/${alias}`, name], {
        why: "programs look for a controller by its own name",
        ignore: ["EEXIST"],
      });
  }
  if (attributes === 0 || !isBound) return;
  plan.child("ATTR", [root, destination, AT.AT_RECURSIVE, attributes, 0, 0, null], {
    why: "all of it at once",
    doing: `set the attributes of \`${destination}\``,
  });
}
