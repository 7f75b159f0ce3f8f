import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { collectInRound } from "../core/garbage.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type NewEntry, treeFd, type Xattrs } from "../kernel/tree-records.ts";
import type { LayerTree } from "./layer-tree.ts";
import { readLayerTree } from "./read-layer-tree.ts";
import { type LayerNode, segmentsOf } from "./tree/layer-node.ts";
import { noName } from "./tree/name-table.ts";
import { TreeWalk } from "./tree/tree-walk.ts";

const root = treeFd(0);
const tar = treeFd(1);
const options = { lenientXattrs: true };

export interface UnpackRequest {
  readonly tarFd: number;
  readonly rootFd: number;
  /** As `readLayerTree` says. */
  readonly scratch: HostPath;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks the layer in the uncompressed tar `tarFd` into the empty directory `rootFd`. Resolves, with the bytes of file content, once all is
 * on disk.
 * @throws {EngineError} TAR_INVALID, TREE_FAILED; the signal's reason.
 */
export async function unpackLayer(launcher: string, from: UnpackRequest): Promise<number> {
  using tree = await readLayerTree(from.tarFd, from);
  await using session = new TreeSession(launcher, [from.rootFd, from.tarFd]);
  await new Unpacking(session, tree).run(from.signal);
  return tree.sizeBytes;
}

class Unpacking {
  readonly #session: TreeSession;
  /** The place of a node is the name that it has been made by. */
  readonly #tree: LayerTree;
  /** Of the directory whose entries are being made: they come one after the other. */
  #prefix = { directory: 0, path: "" };

  constructor(session: TreeSession, tree: LayerTree) {
    this.#session = session;
    this.#tree = tree;
  }

  async run(signal: AbortSignal | undefined): Promise<void> {
    let count = 0;
    const all = new TreeWalk(this.#tree);
    for (let name = all.next(); name !== noName; name = all.next()) {
      signal?.throwIfAborted();
      const wait = this.#make(name);
      if (wait !== undefined) await wait;
      count++;
      if (this.#tree.isLarge) collectInRound(count);
    }
    // Last, since making an entry changes its directory's time, and a default ACL changes what is made under it.
    const directories = new TreeWalk(this.#tree);
    for (let name = directories.nextDirectory(); name !== noName; name = directories.nextDirectory()) {
      const wait = this.#finish(name);
      if (wait !== undefined) await wait;
      count++;
      if (this.#tree.isLarge) collectInRound(count);
    }
    await this.#session.flush();
    await this.#session.sync(root);
  }

  #make(name: number): Promise<void> | undefined {
    const tree = this.#tree;
    const node = tree.nodeOf(name);
    const path = this.#path(name);
    const first = tree.places.get(node);
    if (first !== 0) return this.#session.make(root, { path, type: "hardlink", target: this.#path(first) }, options);
    tree.places.set(node, name);
    const is = tree.describeNode(node);
    return this.#session.make(root, toNewEntry(path, is, splitAcl(is.xattrs).now), options);
  }

  #finish(name: number): Promise<void> | undefined {
    const { mtime, xattrs } = this.#tree.describeNode(this.#tree.nodeOf(name));
    const { later } = splitAcl(xattrs);
    return this.#session.set(root, this.#path(name), later === undefined ? { mtime } : { mtime, xattrs: later }, options);
  }

  #path(name: number): ByteString {
    const tree = this.#tree;
    if (name === tree.rootName) return "." as ByteString;
    const directory = tree.parentOf(name);
    if (this.#prefix.directory !== directory) {
      const path = directory === tree.root ? "" : `${this.#path(tree.places.get(directory))}/`;
      this.#prefix = { directory, path };
    }
    return `${this.#prefix.path}${tree.textOf(name)}` as ByteString;
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
