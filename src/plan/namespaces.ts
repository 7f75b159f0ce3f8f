import { clockOffsets } from "./clock-offsets.ts";
import { CLONE, O } from "./kernel-flags.ts";
import type { OciNamespaceType } from "./oci-config.ts";
import type { PlanContext } from "./plan-context.ts";
import type { ProcessReference } from "./plan-input.ts";
import type { Slot } from "./slot.ts";

/** Kind → clone flag and the name of its file in `/proc/PID/ns`. */
export const NAMESPACES: Readonly<Record<OciNamespaceType, { readonly flag: number; readonly file: string }>> = {
  mount: { flag: CLONE.CLONE_NEWNS, file: "mnt" },
  uts: { flag: CLONE.CLONE_NEWUTS, file: "uts" },
  ipc: { flag: CLONE.CLONE_NEWIPC, file: "ipc" },
  pid: { flag: CLONE.CLONE_NEWPID, file: "pid" },
  network: { flag: CLONE.CLONE_NEWNET, file: "net" },
  user: { flag: CLONE.CLONE_NEWUSER, file: "user" },
  cgroup: { flag: CLONE.CLONE_NEWCGROUP, file: "cgroup" },
  time: { flag: CLONE.CLONE_NEWTIME, file: "time" },
};

const encoder = new TextEncoder();

/** What the launcher can't join for the child: it could not come back from another user namespace, nor find its files in other mounts. */
export interface ChildJoins {
  /** The child is born in it, so that the namespaces made for it belong to that one. */
  readonly user: Slot | null;
  readonly mount: Slot | null;
  /** Where the launcher could not come back from: it has no rights in the host's namespaces. With the flags of what is joined. */
  readonly others: readonly { readonly slot: Slot; readonly flags: number }[];
}

/** HOST and PARENT: the launcher joins what the child is to inherit, and goes back once the child is there. */
export function joinNamespaces(context: PlanContext): ChildJoins {
  const { plan, joined } = context;
  // One setns for all namespaces of one process.
  const targets = new Map<string, { slot: Slot; kinds: OciNamespaceType[] }>();
  for (const [type, path] of joined) {
    const reference = referenceOf(context, type, path);
    const key = reference === undefined ? path : `${reference.pid}`;
    const known = targets.get(key);
    if (known !== undefined) {
      known.kinds.push(type);
      continue;
    }
    const slot = plan.slot(reference === undefined ? `${type}-namespace` : `process-${reference.pid}`);
    if (reference === undefined) plan.host("OPEN", [null, path, O.O_CLOEXEC, 0, 0, slot], { why: `the ${type} namespace to join` });
    else
      plan.host("PIDFD", [reference.pid, reference.startTime, slot], {
        why: "the process whose namespaces are joined, and no later one with its pid",
      });
    targets.set(key, { slot, kinds: [type] });
  }
  const returns = context.input.unprivileged === undefined;
  // A pid namespace takes effect for children alone: it can only be joined by the launcher.
  const isChilds = (type: OciNamespaceType): boolean => type === "user" || type === "mount" || !(returns || type === "pid");
  const back = returns ? [...joined.keys()].filter((type) => !isChilds(type)).map((type) => ({ type, slot: saveOwn(context, type) })) : [];
  for (const { slot, kinds: all } of targets.values()) {
    const kinds = all.filter((type) => !isChilds(type));
    if (kinds.length === 0) continue;
    const flags = kinds.reduce((sum, type) => sum | NAMESPACES[type].flag, 0);
    plan.host("SETNS", [slot, flags], {
      why: `the child is to be born in another container's ${kinds.join(", ")}`,
      doing: `join the ${kinds.join(", ")} namespace`,
    });
  }
  for (const { type, slot } of back) {
    plan.parent("SETNS", [slot, NAMESPACES[type].flag], { why: `the launcher returns to its own ${type} namespace` });
  }
  const slotOf = (type: OciNamespaceType): Slot | null => targets.values().find(({ kinds }) => kinds.includes(type))?.slot ?? null;
  const others = [...targets.values()].map(({ slot, kinds }) => ({
    slot,
    flags: kinds
      .filter((type) => isChilds(type) && type !== "user" && type !== "mount")
      .reduce((sum, type) => sum | NAMESPACES[type].flag, 0),
  }));
  return { user: slotOf("user"), mount: slotOf("mount"), others: others.filter(({ flags }) => flags !== 0) };
}

/** CHILD: another mount namespace, from within, where the detached mounts that the launcher makes can be attached as well. */
export function joinMounts(context: PlanContext, { mount, others }: ChildJoins): void {
  for (const { slot, flags } of others)
    context.plan.child("SETNS", [slot, flags], { why: "another container's namespaces", doing: "join the namespaces" });
  if (mount === null) return;
  context.plan.child("SETNS", [mount, CLONE.CLONE_NEWNS], {
    why: "the mount namespace that is shared",
    doing: "join the mount namespace",
  });
}

function referenceOf(context: PlanContext, type: OciNamespaceType, path: string): ProcessReference | undefined {
  return /^\/proc\/\d+\/ns\/\w+$/.test(path) ? context.input.joins[type] : undefined;
}

/** HOST: a descriptor of one of the launcher's own namespaces, to come back to. */
function saveOwn(context: PlanContext, type: OciNamespaceType): Slot {
  const slot = context.plan.slot(`own-${NAMESPACES[type].file}`);
  context.plan.host("OPEN", [null, `/proc/self/ns/${NAMESPACES[type].file}`, O.O_CLOEXEC, 0, 0, slot], {
    why: `the launcher's own ${type} namespace, to come back to`,
  });
  return slot;
}

/**
 * HOST and PARENT: a time namespace. clone3's own flag would freeze the offsets at once (EACCES for every later write), so it is made by
 * unshare, which only arms it for the next child. Without going back, 6.1 fails the monitor's later posix_spawn with EINVAL.
 * @see time_namespaces(7)
 */
export function createTimeNamespace(context: PlanContext): void {
  const { plan, linux, input } = context;
  if (!context.own.has("time") || !input.features.timeNamespaces) return;
  const isRoot = input.unprivileged === undefined;
  const slot = isRoot ? saveOwn(context, "time") : null;
  plan.host("UNSHARE", [CLONE.CLONE_NEWTIME], { why: "a time namespace for the next child" });
  const offsets = clockOffsets(linux.timeOffsets);
  if (offsets !== "") {
    if (!isRoot) plan.host("DUMPABLE", [1], { why: "the launcher's own files in procfs become writable for a moment" });
    plan.host("WRITE", [null, "/proc/self/timens_offsets", encoder.encode(offsets)], {
      why: "its clocks start where the container does",
      doing: "set the clocks of the time namespace",
    });
    if (!isRoot) plan.host("DUMPABLE", [0], { why: "nobody can look into the launcher" });
  }
  // Only the host's root may come back to the host's time.
  if (slot === null) return;
  plan.parent("SETNS", [slot, CLONE.CLONE_NEWTIME], { why: "the monitor stays in the host's time" });
}

/** HOST, last. Some namespaces are not among the flags: see `unshareInside`. */
export function cloneChild(context: PlanContext, cgroup: Slot | null, { user }: ChildJoins): void {
  const kinds = (["mount", "uts", "ipc", "pid", "network", "user"] as const).filter(
    (type) => context.own.has(type) && !isMadeInside(context, type),
  );
  const flags = kinds.reduce((sum, type) => sum | NAMESPACES[type].flag, 0);
  context.plan.host("CLONE", [flags, cgroup, user], {
    why: kinds.length > 0 ? `the container's first process, with its own ${kinds.join(", ")}` : "the process",
    doing: "clone the container's first process",
  });
}

/**
 * A cgroup namespace takes the cgroup one is in for its root, so it comes after the process is there. The message queues of an ipc namespace
 * belong to the user who makes it, who in a user namespace must be the container's root already. A network namespace costs the kernel most of a
 * clone's time, which the launcher can use meanwhile, unless it or its client has to find the namespace there.
 */
function isMadeInside(context: PlanContext, type: OciNamespaceType): boolean {
  if (type === "network") return (context.input.holds ?? []).length === 0;
  return type === "cgroup" || (type === "ipc" && context.mappings !== null);
}

/** CHILD: the namespaces that its first process has to make itself. */
export function unshareInside(context: PlanContext): void {
  const kinds = (["ipc", "network", "cgroup"] as const).filter((type) => context.own.has(type) && isMadeInside(context, type));
  if (kinds.length === 0) return;
  const flags = kinds.reduce((sum, type) => sum | NAMESPACES[type].flag, 0);
  const reasons = {
    ipc: "message queues that belong to the container's root",
    network: "interfaces of its own",
    cgroup: "the container's own cgroup becomes the root of what it sees",
  };
  context.plan.child("UNSHARE", [flags], {
    why: kinds.map((type) => reasons[type]).join("; "),
    doing: `make the ${kinds.join(" and ")} namespace`,
  });
}
