import { bytesOf } from "../../core/byte-string.ts";
import { typeBits, type Xattrs } from "../../kernel/tree-records.ts";
import type { LayerNode } from "../tree/layer-node.ts";

/** An inode's number is where it lies, in units of so many bytes. */
export const inodeSlot = 32;
/** Extended inodes only: they hold nanoseconds, 32-bit owners and files beyond 4 GiB. */
export const inodeSize = 64;

/** How an inode's data is found. */
export const layouts = { plain: 0, inline: 2, chunks: 4 } as const;
/** Instead of a block's number: a hole. */
export const noBlock = 0xffff_ffff;

export interface InodeFields {
  readonly layout: (typeof layouts)[keyof typeof layouts];
  readonly size: number;
  /** First block of plain and inline data; format of chunks; number of a device. */
  readonly union: number;
  readonly links: number;
  /** Counted from 1; of no meaning to 64-bit kernels. */
  readonly number: number;
  readonly xattrBytes: number;
}

/** Writes the 64 bytes of an inode. @see struct erofs_inode_extended in the kernel's fs/erofs/erofs_fs.h */
export function encodeInode(into: Buffer, at: number, node: LayerNode, fields: InodeFields): void {
  into.writeUInt16LE(1 | (fields.layout << 1), at);
  into.writeUInt16LE(fields.xattrBytes === 0 ? 0 : (fields.xattrBytes - xattrHeader) / 4 + 1, at + 2);
  into.writeUInt16LE(typeBits[node.type] | node.mode, at + 4);
  write64(into, fields.size, at + 8);
  into.writeUInt32LE(fields.union, at + 16);
  into.writeUInt32LE(fields.number, at + 20);
  into.writeUInt32LE(node.uid, at + 24);
  into.writeUInt32LE(node.gid, at + 28);
  write64(into, node.mtime.seconds, at + 32);
  into.writeUInt32LE(node.mtime.nanos, at + 40);
  into.writeUInt32LE(fields.links, at + 44);
}

/** Also negative ones (times), as two's complement; exact up to 2^53. */
function write64(into: Buffer, value: number, at: number): void {
  into.writeUInt32LE((value % 2 ** 32) >>> 0, at);
  into.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** As new_encode_dev() in the kernel's linux/kdev_t.h. */
export function encodeDevice({ major, minor }: LayerNode): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

const xattrHeader = 12;

/** Prefixes of names by their number; the longest that fits is taken. @see EROFS_XATTR_INDEX_* in erofs_fs.h */
const prefixes: readonly (readonly [string, number])[] = [
  ["user.", 1],
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["trusted.", 4],
  ["security.", 6],
];

function splitXattr(name: string): { readonly index: number; readonly suffix: string } {
  for (const [prefix, index] of prefixes) if (name.startsWith(prefix)) return { index, suffix: name.slice(prefix.length) };
  throw new RangeError(`EROFS has no place for xattr ${name}`);
}

const aligned = (bytes: number): number => (bytes + 3) & ~3;

/** Bytes of an inode's xattrs behind it. */
export function xattrBytes(xattrs: Xattrs): number {
  if (xattrs.size === 0) return 0;
  let bytes = xattrHeader;
  for (const [name, value] of xattrs) bytes += aligned(4 + splitXattr(name).suffix.length + value.length);
  return bytes;
}

/** Writes them, into zeros. @see struct erofs_xattr_ibody_header and struct erofs_xattr_entry in erofs_fs.h */
export function encodeXattrs(into: Buffer, at: number, xattrs: Xattrs): void {
  let position = at + xattrHeader;
  for (const [name, value] of xattrs) {
    const { index, suffix } = splitXattr(name);
    into.writeUInt8(suffix.length, position);
    into.writeUInt8(index, position + 1);
    into.writeUInt16LE(value.length, position + 2);
    into.write(suffix, position + 4, "latin1");
    into.set(bytesOf(value), position + 4 + suffix.length);
    position += aligned(4 + suffix.length + value.length);
  }
}
