import { closeSync, constants, mkdirSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { treeFd, type Xattrs } from "../kernel/tree-records.ts";
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
    // One file's bytes at a time: the tree operations copy from descriptors, and only they may open what lies in a layer.
    const spool = `${target}.spool`;
    open.push(openSync(spool, "w+", 0o600));
    unlinkSync(spool);
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

/** The descriptors of the session are the layers, the spool, the target and the target's parent. */
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
      const linked = this.#linkTarget(entry, layer);
      if (linked !== undefined) {
        await this.#session.make(treeFd(this.#layers + 1), { path: entry.path, type: "hardlink", target: linked });
        continue;
      }
      const { path, type, target, major, minor } = entry;
      const segments = await this.#data(entry, layer);
      await this.#session.make(
        treeFd(this.#layers + 1),
        { path, type, target, major, minor, ...metadataOf(entry), ...segments },
        { lenientXattrs: true },
      );
    }
  }

  /** Directories' times, which what was made in them has changed; the target's own metadata last. */
  async finish(entries: readonly MergedEntry[], name: ByteString): Promise<void> {
    for (const { entry } of entries.toReversed()) {
      if (entry.type === "directory") await this.#session.set(treeFd(this.#layers + 1), entry.path, { mtime: entry.mtime });
    }
    await this.#session.set(treeFd(this.#layers + 2), name, metadataOf(this.#directory.entry), { lenientXattrs: true });
  }

  #linkTarget(entry: TreeEntry, layer: number): ByteString | undefined {
    if (entry.type === "directory" || entry.links < 2) return undefined;
    const inode = `${layer} ${entry.device} ${entry.inode}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) this.#firstNames.set(inode, entry.path);
    return first;
  }

  /** The file's bytes in the spool, at its beginning: records are carried out in order, so that the next file may overwrite them. */
  async #data(entry: TreeEntry, layer: number) {
    if (entry.type !== "file") return {};
    const { size } = entry;
    if (size === 0) return { size };
    const spool = treeFd(this.#layers);
    const source = this.#directory.path === "" ? entry.path : (`${this.#directory.path}/${entry.path}` as ByteString);
    await this.#session.copy(treeFd(layer), source, { fd: spool, offset: 0, length: size });
    return { size, segments: [{ fd: spool, offset: 0, length: size, fileOffset: 0 }] };
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
