import type { OciMount } from "../oci-config.ts";

/**
 * The mounts in one of the orders that make the same: podman shuffles those that it makes for itself, anew for each container, so that no two
 * plans of its would be equal. Bind mounts beside each other whose places are equally deep come out sorted by place. None of them is beneath
 * another then; for this to be true of where they really lead, there must be no symbolic link on the way, which `isPlain` is asked of every
 * mount's destination, in the root file system. What lies beneath a mount with files of its own stays where it is.
 */
export function settledMounts(mounts: readonly OciMount[], isPlain: (destination: string) => boolean): readonly OciMount[] {
  const settled: OciMount[] = [];
  let group: OciMount[] = [];
  const flush = (): void => {
    settled.push(...group.sort((a, b) => (a.destination < b.destination ? -1 : 1)));
    group = [];
  };
  for (const [index, mount] of mounts.entries()) {
    const movable = isMovable(mount, mounts.slice(0, index));
    const [first] = group;
    if (
      first !== undefined &&
      !(movable && depth(first) === depth(mount) && group.every((other) => other.destination !== mount.destination))
    )
      flush();
    if (movable) group.push(mount);
    else settled.push(mount);
  }
  flush();
  const isSame = settled.every((mount, index) => mount === mounts[index]);
  return isSame || !mounts.every(({ destination }) => isPlain(destination)) ? mounts : settled;
}

function isMovable(mount: OciMount, before: readonly OciMount[]): boolean {
  const { destination, type, options = [] } = mount;
  if (type !== "bind" && !options.includes("bind") && !options.includes("rbind")) return false;
  // One that is written in another way could be another's.
  if (!/^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/.test(destination)) return false;
  return before.every((other) => !`${destination}/`.startsWith(`${other.destination.replace(/\/+$/, "")}/`) || isEmptyAtFirst(other));
}

/** Nothing is in there but the places that are made for mounts. */
function isEmptyAtFirst({ type, options = [] }: OciMount): boolean {
  return type === "tmpfs" && !["bind", "rbind", "tmpcopyup"].some((option) => options.includes(option));
}

function depth({ destination }: OciMount): number {
  return destination.split("/").length;
}
