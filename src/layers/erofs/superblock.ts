import { crc32c } from "./crc32c.ts";
import { inodeSlot } from "./inode.ts";

/** Where the superblock is, whatever the size of blocks. */
export const superOffset = 1024;
const superSize = 128;
const deviceSlotSize = 128;

/** The first byte behind the superblock, the table of one device, and what the superblock's checksum covers: the rest of their block. */
export function headEnd(blockBits: number): number {
  return Math.max(1 << blockBits, superOffset + 512);
}

const magic = 0xe0f5e1e2;
const compatible = { superblockChecksum: 1, mtime: 2 } as const;
const incompatible = { chunkedFile: 4, deviceTable: 8 } as const;

export interface Superblock {
  /** 9 for blocks of 512 bytes. */
  readonly blockBits: number;
  /** Where the root directory's inode is; its number must fit into 16 bits. */
  readonly rootOffset: number;
  readonly inodes: number;
  /** Of the index itself, and of the archive. */
  readonly blocks: number;
  readonly deviceBlocks: number;
  /** 16 bytes. overlayfs tells file systems apart by them. */
  readonly uuid: Uint8Array;
}

/**
 * The bytes from `superOffset` to `headEnd`: superblock and device table.
 * @see struct erofs_super_block and struct erofs_deviceslot in the kernel's fs/erofs/erofs_fs.h
 */
export function encodeSuperblock(superblock: Superblock): Buffer {
  const buffer = Buffer.alloc(headEnd(superblock.blockBits) - superOffset);
  buffer.writeUInt32LE(magic, 0);
  buffer.writeUInt32LE(compatible.superblockChecksum | compatible.mtime, 8);
  buffer.writeUInt8(superblock.blockBits, 12);
  buffer.writeUInt16LE(superblock.rootOffset / inodeSlot, 14);
  buffer.writeBigUInt64LE(BigInt(superblock.inodes), 16);
  buffer.writeUInt32LE(superblock.blocks, 36);
  buffer.set(superblock.uuid, 48);
  buffer.writeUInt32LE(incompatible.chunkedFile | incompatible.deviceTable, 80);
  buffer.writeUInt16LE(1, 86);
  buffer.writeUInt16LE((superOffset + superSize) / deviceSlotSize, 88);
  buffer.writeUInt32LE(superblock.deviceBlocks, superSize + 64);
  buffer.writeUInt32LE(crc32c(buffer), 4);
  return buffer;
}
