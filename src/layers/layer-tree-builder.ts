import { invalidTar, type TarEntry } from "../archive/tar-entry.ts";
import { type Whiteout, whiteoutOf } from "../archive/whiteout.ts";
import type { ByteString } from "../core/byte-string.ts";
import { layerMetadata } from "./layer-metadata.ts";
import type { LayerTree } from "./layer-tree.ts";
import { type LayerNode, noSegments } from "./tree/layer-node.ts";
import { noName } from "./tree/name-table.ts";
import { checkName, PathCursor, type Slice } from "./tree/path-cursor.ts";

/** As the kernel's. */
const mostLinks = 40;
const noNode = -1;
const nowhere = { path: "" as ByteString, directory: noNode };
/** ext4's limit, which every file system that a layer may be unpacked to keeps. */
const largestFile = 2 ** 44 - 4096;

/**
 * Makes the tree that a layer's archive describes, in the form that overlayfs takes, whichever driver stores it: `.wh.NAME` is a character device
 * 0:0, an opaque directory has `trusted.overlay.opaque=y`. Later entries take the place of earlier ones; parents without an entry of their
 * own are root's, 0755, of 1970. A name that leads through a symlink of the same layer leads where that does inside of the layer, as with
 * other engines, which unpack in a chroot; one that leads through another file is refused.
 */
export class LayerTreeBuilder {
  readonly #tree: LayerTree;
  /** At the last component of the name that `#place` was called for. */
  readonly #cursor = new PathCursor();
  /** The directory of the last name, and that path: what is together in a layer mostly comes together. Until a name is taken from what had it. */
  #last = nowhere;

  /** @param tree an empty one. */
  constructor(tree: LayerTree) {
    this.#tree = tree;
  }

  /** @throws {EngineError} TAR_INVALID */
  add(entry: TarEntry): void {
    const whiteout = whiteoutOf(entry);
    if (whiteout !== undefined) this.#whiteout(whiteout);
    else if (entry.type === "hardlink") this.#link(entry);
    else if (entry.type === "directory") this.#directory(entry);
    else this.#file(entry);
  }

  #file(entry: TarEntry): void {
    const { path } = entry;
    if (path === ".") throw invalidTar("its root is not a directory", path);
    if (entry.size > largestFile) throw invalidTar(`a file of ${entry.size} bytes`, path);
    const parent = this.#place(path);
    this.#tree.sizeBytes += entry.size;
    this.#put(parent, this.#tree.addNode(toNode(entry)));
  }

  #directory(entry: TarEntry): void {
    const tree = this.#tree;
    if (entry.path === ".") {
      tree.describe(tree.root, toNode(entry));
      return;
    }
    const parent = this.#place(entry.path);
    const before = this.#nodeIn(parent);
    const found = toNode(entry);
    if (before !== undefined && tree.isDirectory(before)) tree.describe(before, found);
    else {
      const node = tree.addNode(found);
      // The same layer hides what was there below and puts a directory in its place.
      if (before !== undefined && tree.isWhiteout(before)) tree.markOpaque(node);
      this.#put(parent, node);
    }
  }

  #link(entry: TarEntry): void {
    const { path, target } = entry;
    const linked = this.#find(target);
    if (linked === undefined || this.#tree.isWhiteout(linked))
      throw invalidTar(`a hard link to \`${target}\`, which the archive does not hold before it`, path);
    if (this.#tree.isDirectory(linked)) throw invalidTar(`a hard link to \`${target}\`, a directory`, path);
    if (path === ".") throw invalidTar("its root is not a directory", path);
    if (target.startsWith(`${path}/`)) throw invalidTar(`a hard link to \`${target}\`, which it replaces`, path);
    this.#put(this.#place(path), linked);
  }

  #whiteout(whiteout: Whiteout): void {
    if (whiteout.kind === "ignore") return;
    const tree = this.#tree;
    const { path } = whiteout;
    if (path === ".") {
      tree.markOpaque(tree.root);
      return;
    }
    const parent = this.#place(path);
    const before = this.#nodeIn(parent);
    if (whiteout.kind === "opaque") {
      if (before === undefined || tree.isWhiteout(before)) this.#put(parent, this.#opaqueDirectory());
      else if (!tree.isDirectory(before)) throw invalidTar("an opaque mark in what is not a directory", path);
      else tree.markOpaque(before);
      return;
    }
    // A whiteout speaks of the layers below: an entry of this layer stays, whichever comes first.
    if (before === undefined) this.#put(parent, tree.addImplied("whiteout"));
    else if (tree.isDirectory(before)) tree.markOpaque(before);
  }

  /** The directory that holds the path's last component, made where it is missing. */
  #place(path: ByteString): number {
    const cursor = this.#cursor;
    const slash = path.lastIndexOf("/");
    const last = this.#last;
    let directory = last.directory;
    cursor.begin(path);
    if (directory !== noNode && last.path.length === slash && path.startsWith(last.path)) cursor.toLast();
    else directory = slash < 0 ? this.#tree.root : this.#walk(path);
    checkName(cursor);
    if (slash > 0 && directory !== last.directory) this.#last = { path: path.slice(0, slash) as ByteString, directory };
    return directory;
  }

  /** The same, of a path with a slash. */
  #walk(path: ByteString): number {
    const tree = this.#tree;
    const cursor = this.#cursor;
    let parent = tree.root;
    for (cursor.begin(path); !cursor.isLast; cursor.advance()) {
      checkName(cursor);
      const next = this.#nodeIn(parent) ?? noNode;
      if (next !== noNode && tree.typeOf(next) === "symlink") {
        parent = this.#follow(path.slice(0, path.lastIndexOf("/")), { entry: path, make: true }) ?? tree.root;
        cursor.toLast();
        break;
      }
      parent = next === noNode || tree.isWhiteout(next) ? this.#makeDirectory(parent, cursor) : next;
      if (!tree.isDirectory(parent)) throw invalidTar(`it leads through \`${path.slice(0, cursor.end)}\`, no directory`, path);
    }
    return parent;
  }

  /** A last component that is a symlink is not followed, as link(2) does not. */
  #find(path: ByteString): number | undefined {
    if (path === ".") return this.#tree.root;
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? this.#tree.root : this.#follow(path.slice(0, slash), { entry: path, make: false });
    if (parent === undefined) return undefined;
    this.#cursor.begin(path);
    this.#cursor.toLast();
    return this.#nodeIn(parent);
  }

  /** The directory `path`, through symlinks, whose `..` ends at the layer's root; what is missing is made, or the answer is undefined. */
  #follow(path: string, { entry, make }: { readonly entry: ByteString; readonly make: boolean }): number | undefined {
    const tree = this.#tree;
    const way: number[] = [];
    const pending = path.split("/").reverse();
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        way.pop();
        continue;
      }
      const parent = way.at(-1) ?? tree.root;
      const slice = { text: name as ByteString, start: 0, end: name.length };
      const found = tree.find(parent, slice);
      let next = tree.nodeOf(found);
      if (found === noName || tree.isWhiteout(next)) {
        if (!make) return undefined;
        checkName(slice);
        next = this.#makeDirectory(parent, slice);
      }
      if (tree.isDirectory(next)) way.push(next);
      else if (tree.typeOf(next) === "symlink") {
        if (++links > mostLinks) throw invalidTar("it leads through too many levels of symbolic links", entry);
        const { target } = tree.describeNode(next);
        if (target.startsWith("/")) way.length = 0;
        pending.push(...target.split("/").reverse());
      } else if (make) throw invalidTar(`it leads through \`${name}\`, no directory`, entry);
      else return undefined;
    }
    return way.at(-1) ?? tree.root;
  }

  /** One without an entry of its own, where nothing is or a whiteout: what is below is hidden then, and this is a directory of the layer after all. */
  #makeDirectory(parent: number, name: Slice): number {
    const isHidden = this.#tree.find(parent, name) !== noName;
    const made = isHidden ? this.#opaqueDirectory() : this.#tree.addImplied("directory");
    this.#tree.setName(parent, name, made);
    return made;
  }

  /** What has the name at the cursor in a directory. */
  #nodeIn(directory: number): number | undefined {
    const name = this.#tree.find(directory, this.#cursor);
    return name === noName ? undefined : this.#tree.nodeOf(name);
  }

  /** Gives a node the name at the cursor, which is taken from what had it. */
  #put(directory: number, node: number): void {
    if (this.#tree.setName(directory, this.#cursor, node)) this.#last = nowhere;
  }

  #opaqueDirectory(): number {
    const node = this.#tree.addImplied("directory");
    this.#tree.markOpaque(node);
    return node;
  }
}

function toNode(entry: TarEntry): LayerNode {
  const { mode, xattrs } = layerMetadata(entry);
  const { type, uid, gid, mtime, size, target, major, minor } = entry;
  if (major > 0xfff || minor > 0xfffff) throw invalidTar(`an absurd device number (${major}:${minor})`, entry.path);
  return { type: type === "hardlink" ? "file" : type, mode, uid, gid, mtime, xattrs, size, data: dataOf(entry), target, major, minor };
}

/** Nearly all files lie in one piece. */
function dataOf({ segments, size }: TarEntry): LayerNode["data"] {
  const [first] = segments;
  if (first === undefined) return noSegments;
  return segments.length === 1 && first.fileOffset === 0 && first.length === size ? first.offset : segments;
}
