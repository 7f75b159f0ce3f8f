import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { TarSegment } from "../../archive/tar-entry.ts";
import { collectInRound } from "../../core/garbage.ts";
import type { LayerTree } from "../layer-tree.ts";
import type { LayerNode } from "../tree/layer-node.ts";
import { noName } from "../tree/name-table.ts";
import { TreeWalk } from "../tree/tree-walk.ts";
import { Uint32Column } from "../tree/uint32-column.ts";
import { type ChunkPlan, copiedChunks, directChunks, planChunks, tooLarge } from "./chunks.ts";
import { directoryBlocks, directoryBytes, encodeDirectoryBlock } from "./directory-blocks.ts";
import { encodeDevice, encodeInode, encodeXattrs, inodeSize, inodeSlot, layouts, noBlock, xattrBytes } from "./inode.ts";
import { RegionWriter, type Taken } from "./region-writer.ts";
import { encodeSuperblock, headEnd, superOffset } from "./superblock.ts";

const chunkIndexSize = 8;
const chunksAreIndexes = 0x20;
/** Of the devices, counted from 1: the archive. */
const archiveDevice = 1;
/** Inodes' places are kept as numbers of 32 bits: 128 GiB of them. */
const mostSlots = 0xffff_ffff;

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
  /** As `describeNode` says. */
  readonly is: LayerNode;
  readonly layout: (typeof layouts)[keyof typeof layouts];
  readonly xattrBytes: number;
  /** Of the file. */
  readonly size: number;
  /** Bytes of the inode and all that follows it. */
  readonly bytes: number;
  /** Of those: the last part of the data, which lies within one block. */
  readonly tail: number;
  /** Of a file that is not empty. */
  readonly chunks: ChunkPlan | undefined;
}

class IndexWriter {
  readonly #tree: LayerTree;
  readonly #blockBits: number;
  readonly #blockSize: number;
  readonly #archiveBytes: number;
  readonly #target: IndexTarget;
  /** The first names of all nodes, in the order in which those lie: what a directory holds is together. */
  readonly #order = new Uint32Column();
  /** Of those; a large tree's are counted twice, so as not to be in memory. */
  readonly #bodies: Body[] | undefined;

  constructor(tree: LayerTree, target: IndexTarget) {
    this.#tree = tree;
    this.#bodies = tree.isLarge ? undefined : [];
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
    for (let index = 0; index < this.#order.length; index++) {
      this.#encode(this.#order.get(index), { index, inodes, data });
      if (this.#tree.isLarge) collectInRound(index);
    }
    inodes.flush();
    const blocks = this.#blockUp(data.finish()) / this.#blockSize;
    const deviceBlocks = Math.ceil(this.#archiveBytes / this.#blockSize);
    if (blocks >= noBlock || deviceBlocks >= noBlock) throw tooLarge();
    ftruncateSync(indexFd, blocks * this.#blockSize);
    const head = encodeSuperblock({
      blockBits: this.#blockBits,
      rootOffset: this.#tree.places.get(this.#tree.root) * inodeSlot,
      inodes: this.#order.length,
      blocks,
      deviceBlocks,
      uuid,
    });
    writeSync(indexFd, head, 0, head.length, superOffset);
  }

  /** Gives every node its place, by the number of its slot. Returns the first byte behind all of them. */
  #place(): number {
    const tree = this.#tree;
    const { nodes, next } = tree.names;
    let end = this.#add(tree.rootName, tree.root, headEnd(this.#blockBits));
    const walk = new TreeWalk(tree);
    for (let directory = walk.nextDirectory(); directory !== noName; directory = walk.nextDirectory()) {
      for (let name = tree.firstIn(tree.nodeOf(directory)); name !== noName; name = next.get(name)) {
        const node = nodes.get(name);
        if (tree.places.get(node) === 0) end = this.#add(name, node, end);
      }
    }
    return end;
  }

  #add(name: number, node: number, end: number): number {
    const body = this.#body(node);
    let place = Math.ceil(end / inodeSlot) * inodeSlot;
    const before = body.bytes - body.tail;
    while (((place + before) % this.#blockSize) + body.tail > this.#blockSize) place += inodeSlot;
    if (place / inodeSlot > mostSlots) throw tooLarge();
    this.#tree.places.set(node, place / inodeSlot);
    this.#bodies?.push(body);
    const index = this.#order.push(name);
    if (this.#tree.isLarge) collectInRound(index);
    return place + body.bytes;
  }

  #body(node: number): Body {
    const is = this.#tree.describeNode(node);
    const xattrs = xattrBytes(is.xattrs);
    const fixed = inodeSize + xattrs;
    if (is.type === "file" && is.size > 0) {
      const chunks = planChunks(is, { blockBits: this.#blockBits, archiveBytes: this.#archiveBytes });
      const bytes = chunksAt(fixed) + chunks.count * chunkIndexSize;
      return { is, layout: layouts.chunks, xattrBytes: xattrs, size: is.size, bytes, tail: 0, chunks };
    }
    const isDirectory = is.type === "directory";
    const size = isDirectory ? directoryBytes(this.#tree, node, this.#blockSize) : is.target.length;
    const tail = size % this.#blockSize;
    // An inode and its tail share a block; a symlink is one tail.
    const inline = tail > 0 && fixed + tail <= this.#blockSize && (isDirectory || size === tail);
    if (!inline) return { is, layout: layouts.plain, xattrBytes: xattrs, size, bytes: fixed, tail: 0, chunks: undefined };
    return { is, layout: layouts.inline, xattrBytes: xattrs, size, bytes: fixed + tail, tail, chunks: undefined };
  }

  #encode(name: number, to: { readonly index: number; readonly inodes: RegionWriter; readonly data: DataWriter }): void {
    const { index, inodes, data } = to;
    const tree = this.#tree;
    const node = tree.nodeOf(name);
    const body = this.#bodies?.[index] ?? this.#body(node);
    const { is } = body;
    const place = tree.places.get(node) * inodeSlot;
    const { chunks } = body;
    // Nearly all files: a run of the archive.
    const single = chunks?.count === 1 && chunks.direct && typeof is.data === "number" ? is.data / this.#blockSize : undefined;
    const fixed = inodes.take(place, single === undefined ? inodeSize + body.xattrBytes : body.bytes);
    const outside = body.size - body.tail;
    let union = noBlock;
    if (chunks !== undefined) union = chunks.chunkBits | chunksAreIndexes;
    else if (is.type === "character" || is.type === "block") union = encodeDevice(is);
    else if (outside > 0) union = data.reserve(outside) / this.#blockSize;
    encodeInode(fixed.buffer, fixed.at, is, {
      layout: body.layout,
      number: index + 1,
      xattrBytes: body.xattrBytes,
      size: body.size,
      union,
      links: tree.linksOf(node),
    });
    if (body.xattrBytes > 0) encodeXattrs(fixed.buffer, fixed.at + inodeSize, is.xattrs);
    if (single !== undefined) putChunk(fixed, chunksAt(inodeSize + body.xattrBytes), { device: archiveDevice, block: single });
    else if (chunks !== undefined) this.#chunks(is, chunks, { at: place + chunksAt(inodeSize + body.xattrBytes), inodes, data });
    else {
      const content = { inside: { region: inodes, at: place + body.bytes - body.tail }, data, start: union * this.#blockSize, outside };
      if (is.type === "directory") this.#directory(name, content);
      else if (is.type === "symlink") this.#symlink(is, content);
    }
  }

  /** Blocks up to `outside` bytes are the index's own, a last one behind them follows the inode. */
  #directory(name: number, to: Content): void {
    let done = 0;
    for (const block of directoryBlocks(this.#tree, this.#tree.nodeOf(name), this.#blockSize)) {
      const isOutside = done < to.outside;
      const taken = isOutside ? to.data.take(to.start + done, block.bytes) : to.inside.region.take(to.inside.at, block.bytes);
      encodeDirectoryBlock(this.#tree, name, block, taken);
      done += this.#blockSize;
    }
  }

  #symlink({ target }: LayerNode, to: Content): void {
    const { buffer, at } = to.outside > 0 ? to.data.take(to.start, target.length) : to.inside.region.take(to.inside.at, target.length);
    buffer.write(target, at, "latin1");
  }

  #chunks(file: LayerNode, plan: ChunkPlan, to: { at: number; readonly inodes: RegionWriter; readonly data: DataWriter }): void {
    const put = (device: number, block: number): void => {
      putChunk(to.inodes.take(to.at, chunkIndexSize), 0, { device, block });
      to.at += chunkIndexSize;
    };
    if (plan.direct) {
      for (const offset of directChunks(file, plan, this.#blockBits)) {
        if (offset === undefined) put(0, noBlock);
        else put(archiveDevice, offset / this.#blockSize);
      }
    } else this.#copyChunks(file, plan, { put, data: to.data });
  }

  #copyChunks(
    file: LayerNode,
    plan: ChunkPlan,
    to: { readonly put: (device: number, block: number) => void; readonly data: DataWriter },
  ): void {
    const chunkBytes = this.#blockSize * 2 ** plan.chunkBits;
    let start = 0;
    for (const parts of copiedChunks(file, plan, this.#blockBits)) {
      const length = Math.min(chunkBytes, file.size - start);
      to.put(0, parts.length === 0 ? noBlock : to.data.copy(parts, { start, length }));
      start += chunkBytes;
    }
  }

  #blockUp(offset: number): number {
    return Math.ceil(offset / this.#blockSize) * this.#blockSize;
  }
}

/** Where the content of a directory or symlink goes: the first `outside` bytes to the index's blocks at `start`, the rest to its inode. */
interface Content {
  readonly inside: { readonly region: RegionWriter; readonly at: number };
  readonly data: DataWriter;
  readonly start: number;
  readonly outside: number;
}

/** Chunks follow inode and xattrs, aligned to their own size. */
function chunksAt(fixed: number): number {
  return Math.ceil(fixed / chunkIndexSize) * chunkIndexSize;
}

function putChunk({ buffer, at }: Taken, offset: number, to: { readonly device: number; readonly block: number }): void {
  buffer.writeUInt16LE(to.device, at + offset + 2);
  buffer.writeUInt32LE(to.block, at + offset + 4);
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

  /** Room for so many bytes, from a block's start on. Returns that. */
  reserve(length: number): number {
    const start = this.#end;
    this.#end = Math.ceil((start + length) / this.#blockSize) * this.#blockSize;
    if (this.#end / this.#blockSize >= noBlock) throw tooLarge();
    return start;
  }

  /** Bytes that have been reserved; as `RegionWriter` says. */
  take(offset: number, length: number): Taken {
    return this.#region.take(offset, length);
  }

  /** A chunk of a file: parts of the archive, with zeros around them. Returns the number of the first of its blocks. */
  copy(parts: readonly TarSegment[], chunk: { readonly start: number; readonly length: number }): number {
    const start = this.reserve(chunk.length);
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
}
