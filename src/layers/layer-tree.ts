import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { collectAll } from "../core/garbage.ts";
import { opaqueXattr } from "./layer-metadata.ts";
import { impliedDirectory, type LayerNode, type NodeType, nodeTypes, whiteoutNode } from "./tree/layer-node.ts";
import { NameTable, noName } from "./tree/name-table.ts";
import { NodeStore } from "./tree/node-store.ts";
import type { Slice } from "./tree/path-cursor.ts";
import { TreeWalk } from "./tree/tree-walk.ts";
import { Uint32Column } from "./tree/uint32-column.ts";

/** Of a node's state: the number of its type, and marks; behind them, its links. */
const typeBits = 7;
const directoryType = nodeTypes.indexOf("directory");
const opaqueMark = 8;
const whiteoutMark = 16;
/** It has a record in the spool: otherwise it is an implied directory, or a whiteout. */
const recordMark = 32;
const oneLink = 64;
/** What there is room for; further ones, of which an archive would need 32 GB, are not counted. */
const mostLinks = 2 ** 26 - 1;

/**
 * The files of a layer and their names. Made for millions of them: files (nodes) and names are numbers, what is asked for often lies in columns,
 * names' bytes lie one behind the other, and the rest of a large layer is in a spool. So an entry takes some 60 bytes of memory and those of its name, and none
 * is the garbage collector's business. Two things are told apart: a node may have several names, and a directory has one.
 */
export class LayerTree implements Disposable {
  /** The node and the name (which is empty) of the root. */
  readonly root = 0;
  readonly rootName: number;
  /** The names `.` and `..`, which are in no directory. */
  readonly dots: readonly [number, number];
  /** Bytes of file content as listed in the archive. */
  sizeBytes = 0;
  /** Of each node of a finished tree, free for whoever writes it: where it has been put. 0 until then. */
  readonly places = new Uint32Column();
  /** For those who look at many names, or need no text of their own. */
  readonly names = new NameTable();
  readonly #store: NodeStore;
  readonly #states = new Uint32Column();
  readonly #records = new Uint32Column();
  readonly #firstNames = new Uint32Column();

  /** @param scratch the path of a file that a large tree makes, to be kept without a name until the tree is disposed of. */
  constructor(scratch: HostPath) {
    this.#store = new NodeStore(scratch);
    this.rootName = this.names.addLoose("" as ByteString);
    this.dots = [this.names.addLoose("." as ByteString), this.names.addLoose(".." as ByteString)];
    this.addImplied("directory");
  }

  /** Adds a file that has no name yet. */
  addNode(node: LayerNode): number {
    const number = this.#addState(nodeTypes.indexOf(node.type));
    this.describe(number, node);
    return number;
  }

  /** Adds a directory without an entry of its own, or a whiteout. */
  addImplied(what: "directory" | "whiteout"): number {
    const { type } = what === "directory" ? impliedDirectory : whiteoutNode;
    return this.#addState(nodeTypes.indexOf(type) | (what === "whiteout" ? whiteoutMark : 0));
  }

  /** Tells anew what a node is; its type and its mark of an opaque directory stay. */
  describe(node: number, is: LayerNode): void {
    this.#records.set(node, this.#store.add(is));
    this.#states.set(node, this.#states.get(node) | recordMark);
  }

  markOpaque(node: number): void {
    this.#states.set(node, this.#states.get(node) | opaqueMark);
  }

  /** The name in a directory, or `noName`. */
  find(directory: number, name: Slice): number {
    return this.names.find(directory, name);
  }

  /** Gives a node a name, which is taken from what had it. Returns whether something did. */
  setName(directory: number, name: Slice, node: number): boolean {
    const first = this.firstIn(directory);
    const added = this.names.set(directory, name, { node, next: first });
    if (added !== noName) this.#firstNames.set(directory, added);
    return added === noName;
  }

  /** Sorts all names and counts them; nothing is added afterwards. */
  finish(): void {
    this.names.finish();
    this.#store.seal();
    if (this.isLarge) collectAll();
    this.places.extend(this.#states.length);
    const walk = new TreeWalk(this);
    const { nodes, next } = this.names;
    for (let name = walk.nextDirectory(); name !== noName; name = walk.nextDirectory()) {
      const directory = this.nodeOf(name);
      const first = this.names.sort(this.firstIn(directory));
      this.#firstNames.set(directory, first);
      let links = 2;
      for (let child = first; child !== noName; child = next.get(child)) {
        const node = nodes.get(child);
        if (this.isDirectory(node)) links++;
        else this.#setLinks(node, this.linksOf(node) + 1);
      }
      this.#setLinks(directory, links);
    }
  }

  /** It takes much memory by itself: whoever works with it is to leave little garbage beside it. */
  get isLarge(): boolean {
    return this.#store.isLarge;
  }

  nodeOf(name: number): number {
    return this.names.nodes.get(name);
  }

  /** The directory that the name is in; of the root's, the root. */
  parentOf(name: number): number {
    return this.names.parents.get(name);
  }

  textOf(name: number): ByteString {
    return this.names.text(name);
  }

  typeOf(node: number): NodeType {
    return nodeTypes[this.#states.get(node) & typeBits] ?? "file";
  }

  isDirectory(node: number): boolean {
    return (this.#states.get(node) & typeBits) === directoryType;
  }

  /** It stands for nothing but that the layers below are hidden here. */
  isWhiteout(node: number): boolean {
    return (this.#states.get(node) & whiteoutMark) !== 0;
  }

  /** What stat(2) calls links: names, and for a directory two and those in it. */
  linksOf(node: number): number {
    return Math.floor(this.#states.get(node) / oneLink);
  }

  /** A directory's first name in the order of their bytes, or `noName`. */
  firstIn(directory: number): number {
    return this.#firstNames.get(directory);
  }

  /** The one behind it in the same directory, or `noName`. */
  nextTo(name: number): number {
    return this.names.next.get(name);
  }

  /** All that is known of a node but its names. Valid until the next call: there is one object for all nodes. */
  describeNode(node: number): LayerNode {
    const state = this.#states.get(node);
    const implied = (state & whiteoutMark) === 0 ? impliedDirectory : whiteoutNode;
    const found = (state & recordMark) === 0 ? implied : this.#store.get(this.#records.get(node));
    return (state & opaqueMark) === 0 ? found : { ...found, xattrs: new Map([...found.xattrs, opaqueXattr]) };
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  #setLinks(node: number, links: number): void {
    this.#states.set(node, (this.#states.get(node) % oneLink) + Math.min(links, mostLinks) * oneLink);
  }

  #addState(state: number): number {
    this.#records.push(0);
    this.#firstNames.push(noName);
    return this.#states.push(state);
  }
}
