import type { ByteString } from "../../core/byte-string.ts";
import type { LayerNode } from "../layer-tree.ts";
import { inodeSlot, putU64 } from "./inode.ts";

const direntSize = 12;
const fileTypes: Readonly<Record<LayerNode["type"], number>> = { file: 1, directory: 2, character: 3, block: 4, fifo: 5, symlink: 7 };

interface Dirent {
  readonly name: ByteString;
  readonly node: LayerNode;
}

/** The names of each block in the order of their bytes, `.` and `..` among them. A name does not span blocks. */
function* direntBlocks(directory: LayerNode, parent: LayerNode, blockSize: number): Generator<readonly Dirent[]> {
  let block: Dirent[] = [];
  let used = 0;
  for (const dirent of sortedDirents(directory, parent)) {
    const bytes = direntSize + dirent.name.length;
    if (used + bytes > blockSize) {
      yield block;
      block = [];
      used = 0;
    }
    block.push(dirent);
    used += bytes;
  }
  yield block;
}

function* sortedDirents(directory: LayerNode, parent: LayerNode): Generator<Dirent> {
  const dots = [
    { name: "." as ByteString, node: directory },
    { name: ".." as ByteString, node: parent },
  ];
  for (const [name, node] of directory.children ?? []) {
    for (let dot = dots[0]; dot !== undefined && dot.name < name; dot = dots[0]) {
      yield dot;
      dots.shift();
    }
    yield { name, node };
  }
  yield* dots;
}

/** Counts as `direntBlocks` cuts. */
class DirectorySize {
  readonly #blockSize: number;
  #before = 0;
  #used = 0;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  get bytes(): number {
    return this.#before + this.#used;
  }

  add(nameBytes: number): void {
    const bytes = direntSize + nameBytes;
    if (this.#used + bytes > this.#blockSize) {
      this.#before += this.#blockSize;
      this.#used = 0;
    }
    this.#used += bytes;
  }
}

/** Bytes that a directory takes: whole blocks, and the part of the last one that is in use. */
export function directoryBytes(directory: LayerNode, blockSize: number): number {
  const size = new DirectorySize(blockSize);
  // The dots stand among the names, which only matters for where blocks end.
  let dots = 0;
  for (const name of directory.children?.keys() ?? []) {
    for (; dots < 2 && (dots === 0 ? "." : "..") < name; dots++) size.add(1 + dots);
    size.add(name.length);
  }
  for (; dots < 2; dots++) size.add(1 + dots);
  return size.bytes;
}

/**
 * The blocks of a directory: in each, entries and then their names.
 * @see struct erofs_dirent in the kernel's fs/erofs/erofs_fs.h
 */
export function encodeDirectory(directory: LayerNode, parent: LayerNode, blockSize: number): Buffer {
  const buffer = Buffer.alloc(directoryBytes(directory, blockSize));
  let start = 0;
  for (const block of direntBlocks(directory, parent, blockSize)) {
    let nameAt = block.length * direntSize;
    for (const [index, { name, node }] of block.entries()) {
      const at = start + index * direntSize;
      putU64(buffer, at, node.place / inodeSlot);
      buffer.writeUInt16LE(nameAt, at + 8);
      buffer.writeUInt8(fileTypes[node.type], at + 10);
      nameAt += buffer.write(name, start + nameAt, "latin1");
    }
    start += blockSize;
  }
  return buffer;
}
