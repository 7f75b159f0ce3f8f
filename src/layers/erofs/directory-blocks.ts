import type { LayerTree } from "../layer-tree.ts";
import type { NodeType } from "../tree/layer-node.ts";
import { noName } from "../tree/name-table.ts";
import type { Taken } from "./region-writer.ts";

const direntSize = 12;
const fileTypes: Readonly<Record<NodeType, number>> = { file: 1, directory: 2, character: 3, block: 4, fifo: 5, symlink: 7 };

/** Names that lie in one block, in the order of their bytes, `.` and `..` among them. A name does not span blocks. */
export interface DirectoryBlock {
  readonly names: readonly number[];
  /** Used ones. */
  readonly bytes: number;
}

/** The blocks of a directory, one after the other: it may have millions of names. */
export function* directoryBlocks(tree: LayerTree, directory: number, blockSize: number): Generator<DirectoryBlock> {
  let names: number[] = [];
  let bytes = 0;
  const sorted = new SortedNames(tree, directory);
  for (let name = sorted.next(); name !== noName; name = sorted.next()) {
    const needed = direntSize + tree.names.length(name);
    if (bytes + needed > blockSize) {
      yield { names, bytes };
      names = [];
      bytes = 0;
    }
    names.push(name);
    bytes += needed;
  }
  yield { names, bytes };
}

/** Bytes that a directory takes: whole blocks, and the part of the last one that is in use. */
export function directoryBytes(tree: LayerTree, directory: number, blockSize: number): number {
  let before = 0;
  let bytes = 0;
  const sorted = new SortedNames(tree, directory);
  for (let name = sorted.next(); name !== noName; name = sorted.next()) {
    const needed = direntSize + tree.names.length(name);
    if (bytes + needed > blockSize) {
      before += blockSize;
      bytes = 0;
    }
    bytes += needed;
  }
  return before + bytes;
}

/** The names in a directory in the order of their bytes, `.` and `..` among them; `noName` behind the last. */
class SortedNames {
  readonly #tree: LayerTree;
  #name: number;
  #dot = 0;

  constructor(tree: LayerTree, directory: number) {
    this.#tree = tree;
    this.#name = tree.firstIn(directory);
  }

  next(): number {
    const tree = this.#tree;
    const name = this.#name;
    if (this.#dot < 2 && (name === noName || !isBeforeDots(tree, name, this.#dot))) return tree.dots[this.#dot++] ?? noName;
    if (name !== noName) this.#name = tree.names.next.get(name);
    return name;
  }
}

/** Whether a name comes before `.` (0) or `..` (1). */
function isBeforeDots(tree: LayerTree, name: number, dot: number): boolean {
  for (let index = 0; index <= dot; index++) {
    const byte = tree.names.byteAt(name, index);
    if (byte !== 0x2e) return byte < 0x2e;
  }
  return false;
}

/**
 * Writes a block of the directory with the name `directory`: entries and then their names.
 * @see struct erofs_dirent in the kernel's fs/erofs/erofs_fs.h
 */
export function encodeDirectoryBlock(tree: LayerTree, directory: number, block: DirectoryBlock, into: Taken): void {
  const { buffer, at } = into;
  let entry = at;
  let nameAt = block.names.length * direntSize;
  for (const name of block.names) {
    const node = nodeOf(tree, directory, name);
    buffer.writeUInt32LE(tree.places.get(node), entry);
    buffer.writeUInt16LE(nameAt, entry + 8);
    buffer[entry + 10] = fileTypes[tree.typeOf(node)];
    nameAt += tree.names.copy(name, buffer, at + nameAt);
    entry += direntSize;
  }
}

function nodeOf(tree: LayerTree, directory: number, name: number): number {
  if (name === tree.dots[0]) return tree.nodeOf(directory);
  return name === tree.dots[1] ? tree.parentOf(directory) : tree.names.nodes.get(name);
}
