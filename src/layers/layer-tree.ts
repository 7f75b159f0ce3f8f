import { invalidTar, type TarEntry, type TarSegment } from "../archive/tar-entry.ts";
import { type Whiteout, whiteoutOf } from "../archive/whiteout.ts";
import type { ByteString } from "../core/byte-string.ts";
import type { FileTime, Xattrs } from "../kernel/tree-records.ts";
import { layerMetadata, opaqueXattr } from "./layer-metadata.ts";

/** One file of a layer, which may have several names. */
export interface LayerNode {
  type: "file" | "directory" | "symlink" | "character" | "block" | "fifo";
  /** Permission and set-id bits. */
  mode: number;
  uid: number;
  gid: number;
  mtime: FileTime;
  xattrs: Xattrs;
  /** Of a file, its data with holes; of a symlink, 0. */
  size: number;
  /** Where a file's data lies in the archive: all of it from this offset on, or in pieces. See `segmentsOf`. */
  data: number | readonly TarSegment[];
  /** Of a symlink. */
  target: ByteString;
  major: number;
  minor: number;
  /** Of a directory: names sorted by their bytes, once the tree is finished. */
  children: Map<ByteString, LayerNode> | null;
  /** Names that it has; what stat(2) calls links, but for a directory. */
  links: number;
  /** It stands for nothing but that the layers below are hidden here. */
  whiteout: boolean;
  /** Free for whoever writes the tree: where the node has been put. 0 until then. */
  place: number;
}

const noXattrs: Xattrs = new Map();
const noSegments: readonly TarSegment[] = [];
const epoch: FileTime = { seconds: 0, nanos: 0 };
const longestName = 255;
/** As the kernel's. */
const mostLinks = 40;
/** ext4's limit, which every file system that a layer may be unpacked to keeps. */
const largestFile = 2 ** 44 - 4096;

/**
 * The tree that a layer's archive describes, in the form that overlayfs takes, whichever driver stores it: `.wh.NAME` is a character device
 * 0:0, an opaque directory has `trusted.overlay.opaque=y`. Later entries take the place of earlier ones; parents without an entry of their
 * own are root's, 0755, of 1970. A name that leads through a symlink of the same layer leads where that does inside of the layer, as with
 * other engines, which unpack in a chroot; one that leads through another file is refused.
 */
export class LayerTree {
  readonly root: LayerNode = directory();
  /** Bytes of file content as listed in the archive. */
  sizeBytes = 0;
  /** Shared by all files that have the same: most have none, and thousands of one time. */
  #lastTime: FileTime = epoch;
  /** Where the last entry went: the path of that directory with its slash, and what it holds. Until a name changes what it stands for. */
  #lastPlace: { readonly path: string; readonly children: Map<ByteString, LayerNode> } | undefined;

  /** @throws {EngineError} TAR_INVALID */
  add(entry: TarEntry): void {
    const whiteout = whiteoutOf(entry);
    if (whiteout !== undefined) this.#whiteout(whiteout);
    else if (entry.type === "hardlink") this.#link(entry);
    else if (entry.type === "directory") this.#directory(entry);
    else this.#file(entry);
  }

  /** Sorts the names and counts them; nothing is added afterwards. */
  finish(): void {
    const pending = [this.root];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      const { children } = node;
      if (children === null) continue;
      sortByName(children);
      for (const child of children.values()) {
        child.links++;
        if (child.children !== null) pending.push(child);
      }
    }
  }

  #file(entry: TarEntry): void {
    const { path } = entry;
    if (path === ".") throw invalidTar("its root is not a directory", path);
    if (entry.size > largestFile) throw invalidTar(`a file of ${entry.size} bytes`, path);
    const { parent, name } = this.#place(path);
    this.sizeBytes += entry.size;
    this.#put(parent, name, this.#node(entry));
  }

  #directory(entry: TarEntry): void {
    if (entry.path === ".") {
      Object.assign(this.root, {
        ...this.#node(entry),
        children: this.root.children,
        xattrs: merged(this.root, layerMetadata(entry).xattrs),
      });
      return;
    }
    const { parent, name } = this.#place(entry.path);
    const before = parent.get(name);
    const node = this.#node(entry);
    if (before !== undefined && before.children !== null)
      Object.assign(before, { ...node, children: before.children, xattrs: merged(before, node.xattrs) });
    else {
      // The same layer hides what was there below and puts a directory in its place.
      if (before?.whiteout === true) node.xattrs = opaque(node);
      this.#put(parent, name, node);
    }
  }

  #link(entry: TarEntry): void {
    const { path, target } = entry;
    const linked = this.#find(target);
    if (linked === undefined || linked.whiteout)
      throw invalidTar(`a hard link to \`${target}\`, which the archive does not hold before it`, path);
    if (linked.children !== null) throw invalidTar(`a hard link to \`${target}\`, a directory`, path);
    if (path === ".") throw invalidTar("its root is not a directory", path);
    if (target.startsWith(`${path}/`)) throw invalidTar(`a hard link to \`${target}\`, which it replaces`, path);
    const { parent, name } = this.#place(path);
    this.#put(parent, name, linked);
  }

  #put(parent: Map<ByteString, LayerNode>, name: ByteString, node: LayerNode): void {
    if (parent.has(name)) this.#lastPlace = undefined;
    parent.set(own(name), node);
  }

  #whiteout(whiteout: Whiteout): void {
    if (whiteout.kind === "ignore") return;
    const { path } = whiteout;
    if (path === ".") {
      this.root.xattrs = opaque(this.root);
      return;
    }
    const { parent, name } = this.#place(path);
    const before = parent.get(name);
    if (whiteout.kind === "opaque") {
      if (before === undefined || before.whiteout) parent.set(own(name), opaqueDirectory());
      else if (before.children === null) throw invalidTar("an opaque mark in what is not a directory", path);
      else before.xattrs = opaque(before);
      return;
    }
    // A whiteout speaks of the layers below: an entry of this layer stays, whichever comes first.
    if (before === undefined) parent.set(own(name), { ...directory(), type: "character", mode: 0, children: null, whiteout: true });
    else if (before.children !== null) before.xattrs = opaque(before);
  }

  /** The directory that holds the path's last component, made where it is missing. */
  #place(path: ByteString): { readonly parent: Map<ByteString, LayerNode>; readonly name: ByteString } {
    const nameAt = path.lastIndexOf("/") + 1;
    const last = this.#lastPlace;
    if (nameAt > 0 && nameAt === last?.path.length && path.startsWith(last.path))
      return { parent: last.children, name: checkName(path, nameAt, path.length) };
    let parent = this.root;
    let start = 0;
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", start)) {
      const name = checkName(path, start, slash);
      let next = parent.children?.get(name);
      if (next === undefined || next.whiteout) {
        // Hidden below, and a directory of this layer after all.
        next = next === undefined ? directory() : opaqueDirectory();
        parent.children?.set(own(name), next);
      }
      if (next.type === "symlink") {
        const end = path.lastIndexOf("/");
        parent = this.#follow(path.slice(0, end), path, true) ?? this.root;
        start = end + 1;
        break;
      }
      if (next.children === null) throw invalidTar(`it leads through \`${path.slice(0, slash)}\`, no directory`, path);
      parent = next;
      start = slash + 1;
    }
    const children = parent.children ?? new Map<ByteString, LayerNode>();
    this.#lastPlace = { path: path.slice(0, nameAt), children };
    return { parent: children, name: checkName(path, start, path.length) };
  }

  /** A last component that is a symlink is not followed, as link(2) does not. */
  #find(path: ByteString): LayerNode | undefined {
    if (path === ".") return this.root;
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? this.root : this.#follow(path.slice(0, slash), path, false);
    return parent?.children?.get(path.slice(slash + 1) as ByteString);
  }

  /** The directory `path`, through symlinks, whose `..` ends at the layer's root; what is missing is made, or the answer is undefined. */
  #follow(path: string, entry: ByteString, make: boolean): LayerNode | undefined {
    const way: LayerNode[] = [];
    const pending = path.split("/").reverse();
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        way.pop();
        continue;
      }
      const parent = way.at(-1) ?? this.root;
      let next = parent.children?.get(name as ByteString);
      if (next === undefined || next.whiteout) {
        if (!make) return undefined;
        next = next === undefined ? directory() : opaqueDirectory();
        parent.children?.set(checkName(name as ByteString, 0, name.length), next);
      }
      if (next.type === "symlink") {
        if (++links > mostLinks) throw invalidTar("it leads through too many levels of symbolic links", entry);
        if (next.target.startsWith("/")) way.length = 0;
        pending.push(...next.target.split("/").reverse());
      } else if (next.children !== null) way.push(next);
      else if (make) throw invalidTar(`it leads through \`${name}\`, no directory`, entry);
      else return undefined;
    }
    return way.at(-1) ?? this.root;
  }

  #node(entry: TarEntry): LayerNode {
    const { mode, xattrs } = layerMetadata(entry);
    const { mtime } = entry;
    if (mtime.seconds !== this.#lastTime.seconds || mtime.nanos !== this.#lastTime.nanos) this.#lastTime = mtime;
    if (entry.major > 0xfff || entry.minor > 0xfffff)
      throw invalidTar(`an absurd device number (${entry.major}:${entry.minor})`, entry.path);
    return {
      type: entry.type === "hardlink" ? "file" : entry.type,
      mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: this.#lastTime,
      xattrs: xattrs.size === 0 ? noXattrs : xattrs,
      size: entry.size,
      data: dataOf(entry),
      target: entry.target,
      major: entry.major,
      minor: entry.minor,
      children: entry.type === "directory" ? new Map() : null,
      links: 0,
      whiteout: false,
      place: 0,
    };
  }
}

/** Where they come in order, as from a walk, nothing is done. */
function sortByName(children: Map<ByteString, LayerNode>): void {
  let last = "";
  let sorted = true;
  for (const name of children.keys()) {
    sorted &&= last <= name;
    last = name;
  }
  if (sorted) return;
  const pairs = [...children].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  children.clear();
  for (const [name, child] of pairs) children.set(name, child);
}

/** Where a file's data lies in the archive. */
export function segmentsOf({ data, size }: LayerNode): readonly TarSegment[] {
  return typeof data === "number" ? [{ offset: data, length: size, fileOffset: 0 }] : data;
}

/** Nearly all files lie in one piece: a number takes no memory of its own, a list does. */
function dataOf({ segments, size }: TarEntry): LayerNode["data"] {
  const [first] = segments;
  if (first === undefined) return noSegments;
  return segments.length === 1 && first.fileOffset === 0 && first.length === size ? first.offset : segments;
}

function directory(): LayerNode {
  return {
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: epoch,
    xattrs: noXattrs,
    size: 0,
    data: noSegments,
    target: "" as ByteString,
    major: 0,
    minor: 0,
    children: new Map(),
    links: 0,
    whiteout: false,
    place: 0,
  };
}

function opaqueDirectory(): LayerNode {
  const node = directory();
  node.xattrs = opaque(node);
  return node;
}

function opaque(node: LayerNode): Xattrs {
  return new Map([...node.xattrs, opaqueXattr]);
}

/** A later entry's, and the mark that an earlier whiteout has left. */
function merged(before: LayerNode, xattrs: Xattrs): Xattrs {
  return before.xattrs.has(opaqueXattr[0]) ? new Map([...xattrs, opaqueXattr]) : xattrs;
}

/** A name that does not keep the whole path of its entry in memory, of which it is a part. */
function own(name: ByteString): ByteString {
  return Buffer.from(name, "latin1").toString("latin1") as ByteString;
}

function checkName(path: ByteString, start: number, end: number): ByteString {
  if (end - start > longestName) throw invalidTar(`a component of ${end - start} bytes, more than file systems take`, path);
  return path.slice(start, end) as ByteString;
}
