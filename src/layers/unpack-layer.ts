import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type EntryMetadata, type NewEntry, treeFd, type Xattrs } from "../kernel/tree-records.ts";
import { type LayerNode, type LayerTree, segmentsOf } from "./layer-tree.ts";
import { readLayerTree } from "./read-layer-tree.ts";

const root = treeFd(0);
const tar = treeFd(1);
const options = { lenientXattrs: true };

/**
 * Unpacks the layer in the uncompressed tar `tarFd` into the empty directory `rootFd`. Resolves, with the bytes of file content, once all is
 * on disk.
 * @throws {EngineError} TAR_INVALID, TREE_FAILED; the signal's reason.
 */
export async function unpackLayer(
  launcher: string,
  from: { readonly tarFd: number; readonly rootFd: number; readonly signal?: AbortSignal },
): Promise<number> {
  const tree = await readLayerTree(from.tarFd, from.signal);
  await using session = new TreeSession(launcher, [from.rootFd, from.tarFd]);
  await new Unpacking(session, from.signal).run(tree);
  return tree.sizeBytes;
}

class Unpacking {
  readonly #session: TreeSession;
  readonly #signal: AbortSignal | undefined;
  /** Of files with several names: the first one made. */
  readonly #names = new Map<LayerNode, ByteString>();
  /** Set last, since making an entry changes its directory's time, and a default ACL changes what is made under it. */
  readonly #directories: { readonly path: ByteString; readonly metadata: EntryMetadata }[] = [];

  constructor(session: TreeSession, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#signal = signal;
  }

  async run(tree: LayerTree): Promise<void> {
    const pending = [{ path: "." as ByteString, node: tree.root }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.#signal?.throwIfAborted();
      const { path, node } = next;
      const wait = this.#make(path, node);
      if (wait !== undefined) await wait;
      const below = [...(node.children ?? [])].map(([name, child]) => ({
        path: (path === "." ? name : `${path}/${name}`) as ByteString,
        node: child,
      }));
      pending.push(...below.reverse());
    }
    for (const { path, metadata } of this.#directories) {
      const wait = this.#session.set(root, path, metadata, options);
      if (wait !== undefined) await wait;
    }
    await this.#session.flush();
    await this.#session.sync(root);
  }

  #make(path: ByteString, node: LayerNode): Promise<void> | undefined {
    if (node.children !== null) {
      const { now, later } = splitAcl(node.xattrs);
      this.#directories.push({ path, metadata: later === undefined ? { mtime: node.mtime } : { mtime: node.mtime, xattrs: later } });
      return this.#session.make(root, toNewEntry(path, node, now), options);
    }
    if (node.links > 1) {
      const first = this.#names.get(node);
      if (first !== undefined) return this.#session.make(root, { path, type: "hardlink", target: first }, options);
      this.#names.set(node, path);
    }
    return this.#session.make(root, toNewEntry(path, node, node.xattrs), options);
  }
}

function toNewEntry(path: ByteString, node: LayerNode, xattrs: Xattrs): NewEntry {
  return {
    path,
    type: node.type,
    target: node.target,
    mode: node.mode,
    owner: node,
    mtime: node.mtime,
    xattrs,
    major: node.major,
    minor: node.minor,
    size: node.size,
    segments: segmentsOf(node).map((segment) => ({ ...segment, fd: tar })),
  };
}

function splitAcl(xattrs: Xattrs): { readonly now: Xattrs; readonly later: Xattrs | undefined } {
  const name = "system.posix_acl_default" as ByteString;
  const acl = xattrs.get(name);
  if (acl === undefined) return { now: xattrs, later: undefined };
  return { now: new Map([...xattrs].filter(([key]) => key !== name)), later: new Map([[name, acl]]) };
}
