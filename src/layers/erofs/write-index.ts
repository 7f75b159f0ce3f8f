import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { TarSegment } from "../../archive/tar-entry.ts";
import { bytesOf } from "../../core/byte-string.ts";
import type { LayerNode, LayerTree } from "../layer-tree.ts";
import { copiedChunks, directChunks, planChunks, tooLarge } from "./chunks.ts";
import { directoryBytes, encodeDirectory } from "./directory-blocks.ts";
import { encodeDevice, encodeInode, encodeXattrs, inodeSize, inodeSlot, layouts, noBlock, xattrBytes } from "./inode.ts";
import { RegionWriter, type Taken } from "./region-writer.ts";
import { encodeSuperblock, headEnd, superOffset } from "./superblock.ts";

const chunkIndexSize = 8;
const chunksAreIndexes = 0x20;
/** Of the devices, counted from 1: the archive. */
const archiveDevice = 1;

export interface IndexTarget {
  /** An empty file, open for writing; it is not brought to the disk. */
  readonly indexFd: number;
  /** The archive that the tree was read from. */
  readonly tarFd: number;
  /** 16 bytes, different for every layer. */
  readonly uuid: Uint8Array;
  /** Of the blocks' size; 9 by default, as an archive's data begins at multiples of 512 bytes. Otherwise what does not fit is copied. */
  readonly blockBits?: number;
}

/**
 * Writes an EROFS file system of a layer's tree: all of its metadata, while the files' data stays in the archive, which the kernel is given as
 * `device=`. Equal trees give equal bytes. Data that the archive does not hold in whole blocks (some sparse files) is copied.
 * @throws {EngineError} TAR_INVALID for a layer beyond 2 TiB.
 * @see https://erofs.docs.kernel.org/en/latest/core_ondisk.html
 */
export function writeErofsIndex(tree: LayerTree, target: IndexTarget): void {
  new IndexWriter(tree, target).write();
}

interface Body {
  readonly layout: (typeof layouts)[keyof typeof layouts];
  readonly xattrBytes: number;
  /** Bytes of the inode and all that follows it. */
  readonly bytes: number;
  /** Of those: the last part of the data, which lies within one block. */
  readonly tail: number;
}

class IndexWriter {
  readonly #tree: LayerTree;
  readonly #target: IndexTarget;
  readonly #blockBits: number;
  readonly #blockSize: number;
  readonly #archiveBytes: number;
  /** In the order in which they lie: what a directory holds is together. */
  readonly #nodes: LayerNode[] = [];
  /** Of each node. */
  readonly #bodies: Body[] = [];
  /** Of each directory, in the same order. */
  readonly #parents: LayerNode[] = [];

  constructor(tree: LayerTree, target: IndexTarget) {
    this.#tree = tree;
    this.#target = target;
    this.#blockBits = target.blockBits ?? 9;
    this.#blockSize = 1 << this.#blockBits;
    this.#archiveBytes = fstatSync(target.tarFd).size;
  }

  write(): void {
    const { indexFd, uuid } = this.#target;
    const dataStart = this.#blockUp(this.#place());
    const inodes = new RegionWriter(indexFd, headEnd(this.#blockBits));
    const data = new DataWriter(this.#target, { start: dataStart, blockSize: this.#blockSize });
    let directories = 0;
    for (let index = 0; index < this.#nodes.length; index++) {
      const [node, body] = [this.#nodes[index], this.#bodies[index]];
      if (node === undefined || body === undefined) continue;
      const parent = node.type === "directory" ? (this.#parents[directories++] ?? node) : node;
      this.#encode(node, { body, parent, number: index + 1, inodes, data });
    }
    inodes.flush();
    const blocks = this.#blockUp(data.finish()) / this.#blockSize;
    const deviceBlocks = Math.ceil(this.#archiveBytes / this.#blockSize);
    if (blocks >= noBlock || deviceBlocks >= noBlock) throw tooLarge();
    ftruncateSync(indexFd, blocks * this.#blockSize);
    const head = encodeSuperblock({
      blockBits: this.#blockBits,
      rootOffset: this.#tree.root.place,
      inodes: this.#nodes.length,
      blocks,
      deviceBlocks,
      uuid,
    });
    writeSync(indexFd, head, 0, head.length, superOffset);
  }

  /** Gives every node its place. Returns the first byte behind all of them. */
  #place(): number {
    let end = this.#add(this.#tree.root, this.#tree.root, headEnd(this.#blockBits));
    const pending = [this.#tree.root];
    for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
      const below: LayerNode[] = [];
      for (const node of directory.children?.values() ?? []) {
        if (node.place !== 0) continue;
        end = this.#add(node, directory, end);
        if (node.children !== null) below.push(node);
      }
      for (const node of below.reverse()) pending.push(node);
    }
    return end;
  }

  #add(node: LayerNode, parent: LayerNode, end: number): number {
    const body = this.#body(node);
    let place = Math.ceil(end / inodeSlot) * inodeSlot;
    const before = body.bytes - body.tail;
    while (((place + before) % this.#blockSize) + body.tail > this.#blockSize) place += inodeSlot;
    node.place = place;
    this.#nodes.push(node);
    this.#bodies.push(body);
    if (node.children !== null) this.#parents.push(parent);
    return place + body.bytes;
  }

  #body(node: LayerNode): Body {
    const xattrs = xattrBytes(node.xattrs);
    const fixed = inodeSize + xattrs;
    if (node.type === "file" && node.size > 0) {
      const { count } = planChunks(node, { blockBits: this.#blockBits, archiveBytes: this.#archiveBytes });
      return { layout: layouts.chunks, xattrBytes: xattrs, bytes: chunksAt(fixed) + count * chunkIndexSize, tail: 0 };
    }
    const size = node.children === null ? node.target.length : directoryBytes(node, this.#blockSize);
    const tail = size % this.#blockSize;
    // An inode and its tail share a block; a symlink is one tail.
    const inline = tail > 0 && fixed + tail <= this.#blockSize && (node.children !== null || size === tail);
    if (!inline) return { layout: layouts.plain, xattrBytes: xattrs, bytes: fixed, tail: 0 };
    return { layout: layouts.inline, xattrBytes: xattrs, bytes: fixed + tail, tail };
  }

  #encode(
    node: LayerNode,
    to: {
      readonly body: Body;
      readonly parent: LayerNode;
      readonly number: number;
      readonly inodes: RegionWriter;
      readonly data: DataWriter;
    },
  ): void {
    const { body, parent, number, inodes, data } = to;
    const taken = inodes.take(node.place, body.bytes);
    const common = { layout: body.layout, number, xattrBytes: body.xattrBytes };
    if (body.xattrBytes > 0) encodeXattrs(taken.buffer, taken.at + inodeSize, node.xattrs);
    if (body.layout === layouts.chunks) {
      const union = this.#chunks(node, { buffer: taken.buffer, at: taken.at + chunksAt(inodeSize + body.xattrBytes) }, data);
      encodeInode(taken.buffer, taken.at, node, { ...common, size: node.size, union, links: node.links });
      return;
    }
    const content = node.children === null ? bytesOf(node.target) : encodeDirectory(node, parent, this.#blockSize);
    const outside = content.length - body.tail;
    content.copy(taken.buffer, taken.at + body.bytes - body.tail, outside);
    const isDevice = node.type === "character" || node.type === "block";
    encodeInode(taken.buffer, taken.at, node, {
      ...common,
      size: content.length,
      union: isDevice ? encodeDevice(node) : outside === 0 ? noBlock : data.put(content.subarray(0, outside)),
      links: node.children === null ? node.links : 2 + countDirectories(node),
    });
  }

  /** Returns the format that the inode names. */
  #chunks(node: LayerNode, to: Taken, data: DataWriter): number {
    const plan = planChunks(node, { blockBits: this.#blockBits, archiveBytes: this.#archiveBytes });
    let at = to.at;
    const put = (device: number, block: number): void => {
      to.buffer.writeUInt16LE(device, at + 2);
      to.buffer.writeUInt32LE(block, at + 4);
      at += chunkIndexSize;
    };
    if (typeof node.data === "number" && plan.direct && plan.count === 1) put(archiveDevice, node.data / this.#blockSize);
    else if (plan.direct) {
      for (const offset of directChunks(node, plan, this.#blockBits)) {
        if (offset === undefined) put(0, noBlock);
        else put(archiveDevice, offset / this.#blockSize);
      }
    } else {
      const chunkBytes = this.#blockSize * 2 ** plan.chunkBits;
      let start = 0;
      for (const parts of copiedChunks(node, plan, this.#blockBits)) {
        const length = Math.min(chunkBytes, node.size - start);
        put(0, parts.length === 0 ? noBlock : data.copy(parts, { start, length }));
        start += chunkBytes;
      }
    }
    return plan.chunkBits | chunksAreIndexes;
  }

  #blockUp(offset: number): number {
    return Math.ceil(offset / this.#blockSize) * this.#blockSize;
  }
}

/** Chunks follow inode and xattrs, aligned to their own size. */
function chunksAt(fixed: number): number {
  return Math.ceil(fixed / chunkIndexSize) * chunkIndexSize;
}

function countDirectories(node: LayerNode): number {
  let count = 0;
  for (const child of node.children?.values() ?? []) if (child.children !== null) count++;
  return count;
}

/** Blocks of the index's own, behind all inodes. */
class DataWriter {
  readonly #region: RegionWriter;
  readonly #tarFd: number;
  readonly #blockSize: number;
  #end: number;

  constructor(target: IndexTarget, from: { readonly start: number; readonly blockSize: number }) {
    this.#region = new RegionWriter(target.indexFd, from.start);
    this.#tarFd = target.tarFd;
    this.#blockSize = from.blockSize;
    this.#end = from.start;
  }

  /** Returns the number of the first of its blocks. */
  put(content: Buffer): number {
    const start = this.#reserve(content.length);
    const { buffer, at } = this.#region.take(start, content.length);
    content.copy(buffer, at);
    return start / this.#blockSize;
  }

  /** A chunk of a file: parts of the archive, with zeros around them. */
  copy(parts: readonly TarSegment[], chunk: { readonly start: number; readonly length: number }): number {
    const start = this.#reserve(chunk.length);
    const piece = 64 * 1024;
    for (const { offset, length, fileOffset } of parts) {
      for (let done = 0; done < length; ) {
        const wanted = Math.min(piece, length - done);
        const { buffer, at } = this.#region.take(start + fileOffset - chunk.start + done, wanted);
        // readTarFile() has found the archive long enough.
        for (let got = 0; got < wanted; ) {
          const n = readSync(this.#tarFd, buffer, at + got, wanted - got, offset + done + got);
          if (n === 0) throw new RangeError("the archive has become shorter");
          got += n;
        }
        done += wanted;
      }
    }
    return start / this.#blockSize;
  }

  /** Returns the first byte behind it all. */
  finish(): number {
    this.#region.flush();
    return this.#end;
  }

  #reserve(length: number): number {
    const start = this.#end;
    this.#end = Math.ceil((start + length) / this.#blockSize) * this.#blockSize;
    if (this.#end / this.#blockSize >= noBlock) throw tooLarge();
    return start;
  }
}
