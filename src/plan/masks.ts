import type { PreparedMounts } from "./mounts.ts";
import { AT, MOUNT_ATTR, MS } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/** What the usual masked paths are; for others both ways are tried, and the one that doesn't fit fails with ENOTDIR. */
const KNOWN: Readonly<Record<string, "file" | "directory">> = {
  "/proc/acpi": "directory",
  "/proc/asound": "directory",
  "/proc/interrupts": "file",
  "/proc/kcore": "file",
  "/proc/keys": "file",
  "/proc/latency_stats": "file",
  "/proc/sched_debug": "file",
  "/proc/scsi": "directory",
  "/proc/timer_list": "file",
  "/proc/timer_stats": "file",
  "/sys/devices/virtual/powercap": "directory",
  "/sys/firmware": "directory",
};

const SEALED = MOUNT_ATTR.MOUNT_ATTR_RDONLY | MOUNT_ATTR.MOUNT_ATTR_NOSUID | MOUNT_ATTR.MOUNT_ATTR_NODEV | MOUNT_ATTR.MOUNT_ATTR_NOEXEC;

/**
 * CHILD, before PIVOT, while `/dev/null` is still the *host's*: the container's own could be a symbolic link to anything (CVE-2025-31133).
 * Files are masked by it, directories by an empty read-only tmpfs, one for all of them. That tmpfs is attached to the old root first, which
 * PIVOT drops.
 *
 * By mount(2), which makes nothing when there is nothing to mask: a copy by open_tree(2) that found no place would be dropped at exec, and
 * to drop a mount the kernel waits for an RCU grace period, 0.05 ms each.
 */
export function maskPaths(context: PlanContext): void {
  const { plan } = context;
  const paths = context.linux.maskedPaths ?? [];
  for (const path of paths) {
    if (KNOWN[path] !== "directory") maskFile(context, path);
  }
  const directories = paths.filter((path) => KNOWN[path] !== "file");
  if (directories.length === 0) return;
  // No place in somebody else's mount namespace is ours to cover.
  if (context.joined.has("mount")) {
    for (const path of directories) attachMask(context, createEmpty(context), path);
    return;
  }
  const empty = createEmpty(context);
  plan.child("MOVE", [empty, null, "/sys"], { why: "anywhere in the old root, to have a name", doing: "attach an empty tmpfs" });
  for (const path of directories) bindMask(context, "/sys", path);
}

function bindMask({ plan, root }: PlanContext, mask: string, path: string): void {
  plan.child("MOUNT", [mask, root, path, "", MS.MS_BIND, ""], {
    why: `${path} is not for containers`,
    ignore: ["ENOENT", "ENOTDIR"],
    doing: `mask \`${path}\``,
  });
}

/** In a mount namespace with another procfs than one's own, mount(2) could not name the place. */
function attachMask({ plan, root }: PlanContext, mask: Slot, path: string): void {
  plan.child("MOVE", [mask, root, path], {
    why: `${path} is not for containers`,
    ignore: ["ENOENT", "ENOTDIR"],
    doing: `mask \`${path}\``,
  });
}

function maskFile(context: PlanContext, path: string): void {
  if (!context.joined.has("mount")) {
    bindMask(context, "/dev/null", path);
    return;
  }
  const copy = context.plan.slot("mask");
  context.plan.child("TREE", [null, "/dev/null", 0, copy], { why: "the host's /dev/null, to hide a file", doing: `mask \`${path}\`` });
  attachMask(context, copy, path);
}

function createEmpty({ plan }: PlanContext): Slot {
  const empty = plan.slot("empty");
  plan.child("FS", ["tmpfs", ["source=tmpfs", "nr_inodes=1", "mode=755"], [], [], SEALED, empty], {
    why: "an empty directory, to mask directories with",
    doing: "mount an empty tmpfs",
  });
  return empty;
}

/** CHILD: a path is covered by a read-only copy of itself. */
export function protectPaths(context: PlanContext): void {
  const { plan, root } = context;
  for (const path of context.linux.readonlyPaths ?? []) {
    const copy = plan.slot("readonly");
    const doing = `make \`${path}\` read-only`;
    plan.child("TREE", [root, path, AT.AT_RECURSIVE, copy], { why: `${path} again, to lie over itself`, ignore: ["ENOENT"], doing });
    plan.child("ATTR", [copy, "", AT.AT_EMPTY_PATH | AT.AT_RECURSIVE, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, null], {
      why: "read-only",
      doing,
    });
    plan.child("MOVE", [copy, root, path], { why: `${path} can't be written`, doing });
  }
}

const encoder = new TextEncoder();

/**
 * CHILD: before anything is mounted over procfs, and through a descriptor of a procfs made a moment ago, beneath which WRITE follows no
 * link and crosses no mount (CVE-2025-52881).
 */
export function writeSysctls(context: PlanContext, mounts: PreparedMounts): void {
  const entries = Object.entries(context.linux.sysctl ?? {});
  if (entries.length === 0) return;
  const proc = mounts.proc ?? freshProc(context);
  for (const [name, value] of entries) {
    context.plan.child("WRITE", [proc, `sys/${sysctlPath(name)}`, encoder.encode(value)], {
      why: `sysctl ${name}`,
      doing: `set sysctl \`${name}\` to \`${value}\``,
    });
  }
}

/** CHILD: a procfs that nobody else has ever seen. */
export function freshProc(context: PlanContext): Slot {
  const slot = context.plan.slot("private-proc");
  context.plan.child(
    "FS",
    ["proc", [], [], [], MOUNT_ATTR.MOUNT_ATTR_NOSUID | MOUNT_ATTR.MOUNT_ATTR_NODEV | MOUNT_ATTR.MOUNT_ATTR_NOEXEC, slot],
    {
      why: "a procfs of the launcher's own to write through",
      doing: "make a private proc file system",
    },
  );
  return slot;
}

/** `net.ipv4.conf.eth0/1.forwarding` → `net/ipv4/conf/eth0.1/forwarding`; a name that starts with slashes is a path already. @see sysctl(8) */
function sysctlPath(name: string): string {
  const first = name.search(/[./]/);
  if (first >= 0 && name.charAt(first) === "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}
