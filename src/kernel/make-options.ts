import { recordFlags } from "./tree-records.ts";

/** How `TreeSession.make` and `set` treat what is there already. */
export interface MakeOptions {
  /** What is in the way is removed, a directory with all it holds. A directory over a directory stays and takes the metadata. */
  readonly replace?: boolean;
  /** Makes missing parents, root's, 0755. */
  readonly parents?: boolean;
  /** Xattrs that the file system can't hold are left out. */
  readonly lenientXattrs?: boolean;
  /** A parent may be a symlink, followed inside the root. Otherwise that is ELOOP. */
  readonly follow?: boolean;
  /** A directory is replaced by directories only, and nothing else by one: EISDIR, ENOTDIR. */
  readonly keepKind?: boolean;
  /** A file's data are those of the regular file `target` beneath its segment's descriptor, a directory. */
  readonly fromFile?: boolean;
}

/** The same as flags of a record (docs/tree-protocol.md). */
export function makeFlags(options: MakeOptions): number {
  let flags = 0;
  if (options.replace === true) flags |= recordFlags.replace;
  if (options.parents === true) flags |= recordFlags.parents;
  if (options.lenientXattrs === true) flags |= recordFlags.lenient;
  if (options.follow === true) flags |= recordFlags.follow;
  if (options.keepKind === true) flags |= recordFlags.kind;
  if (options.fromFile === true) flags |= recordFlags.from;
  return flags;
}
