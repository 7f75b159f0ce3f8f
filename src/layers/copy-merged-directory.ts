import { closeSync, constants, mkdirSync, openSync, rmdirSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type NewEntry, treeFd, type Xattrs } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { findMergedDirectory, listMerged, type MergedDirectory, type MergedEntry } from "./merged-tree.ts";

/**
 * Copies a directory, as these layers stacked (top first) show it, to the new directory `target`: owners, modes, nanosecond times, xattrs,
 * hard links, symlinks, device nodes. All by tree operations: nothing in the layers leads out of them. False, with nothing made, when the
 * stack has no such directory.
 * @throws {EngineError} TREE_FAILED; what was copied until then stays.
 */
export async function copyMergedDirectory(
  launcher: string,
  from: { readonly stack: readonly HostPath[]; readonly path: string },
  target: HostPath,
): Promise<boolean> {
  const open: number[] = [];
  try {
    for (const layer of from.stack) open.push(openSync(layer, constants.O_RDONLY | constants.O_DIRECTORY));
    mkdirSync(target, { mode: 0o700 });
    open.push(openSync(target, constants.O_RDONLY | constants.O_DIRECTORY));
    const slash = target.lastIndexOf("/");
    open.push(openSync(target.slice(0, slash), constants.O_RDONLY | constants.O_DIRECTORY));
    await using session = new TreeSession(launcher, open);
    const directory = await findMergedDirectory(session, from.stack.length, encodeText(from.path));
    if (directory === undefined) {
      rmdirSync(target);
      return false;
    }
    const entries = await listMerged(session, directory);
    const copy = new Copy(session, directory, from.stack.length);
    await copy.make(entries);
    await copy.finish(entries, encodeText(target.slice(slash + 1)));
    await session.flush();
    return true;
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** The descriptors of the session are the layers, the target and the target's parent. */
class Copy {
  readonly #session: TreeSession;
  readonly #directory: MergedDirectory;
  readonly #layers: number;
  /** Of files with several names: the first one made. */
  readonly #firstNames = new Map<string, ByteString>();

  constructor(session: TreeSession, directory: MergedDirectory, layers: number) {
    this.#session = session;
    this.#directory = directory;
    this.#layers = layers;
  }

  async make(entries: readonly MergedEntry[]): Promise<void> {
    for (const { entry, layer } of entries) {
      if (entry.type === "socket") continue;
      const behind = this.#session.make(treeFd(this.#layers), this.#toNewEntry(entry, layer), { lenientXattrs: true, fromFile: true });
      if (behind !== undefined) await behind;
    }
  }

  /** Directories' times, which what was made in them has changed; the target's own metadata last. */
  async finish(entries: readonly MergedEntry[], name: ByteString): Promise<void> {
    for (const { entry } of entries.toReversed()) {
      if (entry.type === "directory") await this.#session.set(treeFd(this.#layers), entry.path, { mtime: entry.mtime });
    }
    await this.#session.set(treeFd(this.#layers + 1), name, metadataOf(this.#directory.entry), { lenientXattrs: true });
  }

  #linkTarget(entry: TreeEntry, layer: number): ByteString | undefined {
    if (entry.type === "directory" || entry.links < 2) return undefined;
    const inode = `${layer} ${entry.device} ${entry.inode}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) this.#firstNames.set(inode, entry.path);
    return first;
  }

  #toNewEntry(entry: TreeEntry, layer: number): NewEntry {
    const { path, type, target, major, minor, size } = entry;
    const linked = this.#linkTarget(entry, layer);
    if (linked !== undefined) return { path, type: "hardlink", target: linked };
    const made = { path, type, target, major, minor, ...metadataOf(entry) };
    if (type !== "file" || size === 0) return made;
    const source = this.#directory.path === "" ? path : (`${this.#directory.path}/${path}` as ByteString);
    return { ...made, target: source, size, segments: [{ fd: treeFd(layer), offset: 0, length: size, fileOffset: 0 }] };
  }
}

function metadataOf(entry: TreeEntry) {
  return { owner: { uid: entry.uid, gid: entry.gid }, mode: entry.mode, mtime: entry.mtime, xattrs: ownXattrs(entry.xattrs) };
}

/** What belongs to the file, not to this host's overlayfs or security modules. */
function ownXattrs(xattrs: Xattrs): Xattrs {
  return new Map(
    [...xattrs].filter(
      ([name]) =>
        !name.startsWith("trusted.overlay.") &&
        !name.startsWith("user.overlay.") &&
        (!name.startsWith("security.") || name === "security.capability"),
    ),
  );
}
