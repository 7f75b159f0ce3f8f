import type { TarSegment } from "../../archive/tar-entry.ts";
import type { ByteString } from "../../core/byte-string.ts";
import type { FileTime, Xattrs } from "../../kernel/tree-records.ts";

/** In the order of their numbers in a tree. */
export const nodeTypes = ["file", "directory", "symlink", "character", "block", "fifo"] as const;

export type NodeType = (typeof nodeTypes)[number];

/** What a file of a layer is, apart from its names and from what is in it, if it is a directory. */
export interface LayerNode {
  readonly type: NodeType;
  /** Permission and set-id bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  readonly xattrs: Xattrs;
  /** Of a file, its data with holes; of others, 0. */
  readonly size: number;
  /** Where a file's data lies in the archive: all of it from this offset on, or in pieces. See `segmentsOf`. */
  readonly data: number | readonly TarSegment[];
  /** Of a symlink. */
  readonly target: ByteString;
  readonly major: number;
  readonly minor: number;
}

export const noXattrs: Xattrs = new Map();
export const noSegments: readonly TarSegment[] = [];
const epoch: FileTime = { seconds: 0, nanos: 0 };

/** A directory that the archive has no entry for: root's, 0755, of 1970. */
export const impliedDirectory: LayerNode = {
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
};

/** What overlayfs takes for: the layers below have no such file. */
export const whiteoutNode: LayerNode = { ...impliedDirectory, type: "character", mode: 0 };

/** Where a file's data lies in the archive. */
export function segmentsOf({ data, size }: LayerNode): readonly TarSegment[] {
  return typeof data === "number" ? [{ offset: data, length: size, fileOffset: 0 }] : data;
}
