import { MOUNT_ATTR, MS } from "./kernel-flags.ts";

/** Mount attributes to set and to clear, in mount_setattr(2)'s bits. */
export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

/** A mount's option list, taken apart by who understands what. */
export interface MountOptions {
  readonly bind: boolean;
  /** `rbind`: the mounts beneath the source come along. */
  readonly recursiveBind: boolean;
  /** On the mount itself. */
  readonly attributes: AttributeChange;
  /** On the mount and all beneath it (`rro`, `rnosuid`, …). */
  readonly recursiveAttributes: AttributeChange;
  /** MS_SHARED and so on, 0 for none given. */
  readonly propagation: number;
  readonly recursivePropagation: boolean;
  /** Files appear with the container's ids (`idmap`, `ridmap`). */
  readonly idmap: boolean;
  readonly recursiveIdmap: boolean;
  readonly copyUp: boolean;
  /** The file system's own options. */
  readonly data: readonly string[];
}

const atime = MOUNT_ATTR.MOUNT_ATTR__ATIME;

/** Name → bits set, bits cleared. Each also exists with an `r` before it, for the whole tree. */
const ATTRIBUTES: Readonly<Record<string, readonly [number, number]>> = {
  ro: [MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0],
  rw: [0, MOUNT_ATTR.MOUNT_ATTR_RDONLY],
  nosuid: [MOUNT_ATTR.MOUNT_ATTR_NOSUID, 0],
  suid: [0, MOUNT_ATTR.MOUNT_ATTR_NOSUID],
  nodev: [MOUNT_ATTR.MOUNT_ATTR_NODEV, 0],
  dev: [0, MOUNT_ATTR.MOUNT_ATTR_NODEV],
  noexec: [MOUNT_ATTR.MOUNT_ATTR_NOEXEC, 0],
  exec: [0, MOUNT_ATTR.MOUNT_ATTR_NOEXEC],
  nosymfollow: [MOUNT_ATTR.MOUNT_ATTR_NOSYMFOLLOW, 0],
  symfollow: [0, MOUNT_ATTR.MOUNT_ATTR_NOSYMFOLLOW],
  nodiratime: [MOUNT_ATTR.MOUNT_ATTR_NODIRATIME, 0],
  diratime: [0, MOUNT_ATTR.MOUNT_ATTR_NODIRATIME],
  noatime: [MOUNT_ATTR.MOUNT_ATTR_NOATIME, atime],
  atime: [0, atime],
  relatime: [0, atime],
  norelatime: [0, atime],
  strictatime: [MOUNT_ATTR.MOUNT_ATTR_STRICTATIME, atime],
  nostrictatime: [0, atime],
};

const PROPAGATION: Readonly<Record<string, number>> = {
  shared: MS.MS_SHARED,
  slave: MS.MS_SLAVE,
  private: MS.MS_PRIVATE,
  unbindable: MS.MS_UNBINDABLE,
};

/** Words without an effect: what they ask for is so anyway, or they are userland's. */
const IGNORED = new Set([
  "defaults",
  "async",
  "nomand",
  "iversion",
  "noiversion",
  "silent",
  "loud",
  "_netdev",
  "auto",
  "noauto",
  "user",
  "nouser",
  "remount",
]);

/**
 * Takes an OCI mount's options apart. A later word wins over an earlier one that contradicts it, as in mount(8).
 * @see runtime-spec config.md#linux-mount-options
 */
export function parseMountOptions(options: readonly string[] | undefined): MountOptions {
  let own: AttributeChange = { set: 0, clear: 0 };
  let recursive: AttributeChange = { set: 0, clear: 0 };
  let bind = false;
  let recursiveBind = false;
  let propagation = 0;
  let recursivePropagation = false;
  let idmap = false;
  let recursiveIdmap = false;
  let copyUp = false;
  const data: string[] = [];
  for (const word of options ?? []) {
    const attribute = entry(ATTRIBUTES, word);
    const tail = word.startsWith("r") ? word.slice(1) : "";
    const treeAttribute = entry(ATTRIBUTES, tail);
    const spread = entry(PROPAGATION, word) ?? entry(PROPAGATION, tail);
    if (attribute !== undefined) own = apply(own, attribute);
    else if (treeAttribute !== undefined) recursive = apply(recursive, treeAttribute);
    else if (spread !== undefined) {
      propagation = spread;
      recursivePropagation = entry(PROPAGATION, word) === undefined;
    } else if (word === "bind") bind = true;
    else if (word === "rbind") bind = recursiveBind = true;
    else if (word === "idmap") idmap = true;
    else if (word === "ridmap") idmap = recursiveIdmap = true;
    else if (word === "tmpcopyup") copyUp = true;
    else if (!IGNORED.has(word)) data.push(word);
  }
  return {
    bind,
    recursiveBind,
    attributes: own,
    recursiveAttributes: recursive,
    propagation,
    recursivePropagation,
    idmap,
    recursiveIdmap,
    copyUp,
    data,
  };
}

/** Every word that `parseMountOptions` itself understands, sorted; others are the file system's. */
export function knownMountOptions(): readonly string[] {
  const attributes = Object.keys(ATTRIBUTES);
  const spreads = Object.keys(PROPAGATION);
  const both = [...attributes, ...spreads].flatMap((word) => [word, `r${word}`]);
  return [...both, "bind", "rbind", "idmap", "ridmap", "defaults", "async", "remount"].sort();
}

/** An option may be called `valueOf`. */
function entry<Value>(table: Readonly<Record<string, Value>>, word: string): Value | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

function apply(change: AttributeChange, [set, clear]: readonly [number, number]): AttributeChange {
  return { set: (change.set & ~clear) | set, clear: (change.clear & ~set) | clear };
}
