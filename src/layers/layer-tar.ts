import { closeSync, openSync } from "node:fs";
import { encodeHeader, padding, tarEnd, type TarMember, toEntry } from "../archive/tar-writer.ts";
import { hidingPath, opaquePath } from "../archive/whiteout.ts";
import type { BlobWriter } from "../content/blob-writer.ts";
import type { ByteString } from "../core/byte-string.ts";
import { type FilePlace, TreeSession } from "../kernel/tree-client.ts";
import { type TreeFd, treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { portableXattrs } from "./container-ids.ts";
import { compareLayers, type IdShift, type LayerStack, openStack } from "./diff.ts";
import { LayerTree } from "./layer-tree.ts";

const upper = treeFd(0);

/**
 * Writes what the read-write layer changes as an OCI layer: whiteouts, opaque marks, hard links, owners, xattrs and nanosecond times. Large
 * files go from the read-write layer to the blob within the kernel. Sockets are left out, as a tar has no word for them. Resolves with what
 * reading the archive would give; undefined where that would fail.
 * @throws {EngineError} TREE_FAILED, NO_SPACE
 */
export async function writeLayerTar(launcher: string, stack: LayerStack, blob: BlobWriter): Promise<LayerTree | undefined> {
  const descriptors: number[] = [];
  try {
    openStack(stack, descriptors);
    descriptors.push(openSync(blob.path, "r+"));
    await using session = new TreeSession(launcher, descriptors);
    const changes = await compareLayers(session, stack, { newFiles: false });
    const tar = new LayerTar(session, { blob, output: treeFd(descriptors.length - 1) });
    /** Of files with several names: the first one written. */
    const firstNames = new Map<string, ByteString>();
    for (const change of changes) {
      if (change.kind === "deleted") {
        if (!change.implied) await tar.add(mark(hidingPath(change.path)));
        continue;
      }
      const member = toMember(change.entry, stack.uidShift, firstNames);
      if (member === undefined) continue;
      const wait = tar.add(member);
      if (wait !== undefined) await wait;
      if (change.opaque) await tar.add(mark(opaquePath(change.path)));
    }
    return await tar.finish();
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/** Files up to this size go through this process, many at a time: that is quicker than a copy of each in the kernel. */
const smallFile = 64 * 1024;
const batchBytes = 256 * 1024;

/** A part of the archive: headers, and room for the files that are to be read. */
interface Batch {
  readonly bytes: Buffer;
  used: number;
  readonly files: FilePlace[];
}

/** A tar in the making: while one batch's files are read, the next one's headers are written. */
class LayerTar {
  readonly #session: TreeSession;
  readonly #blob: BlobWriter;
  readonly #output: TreeFd;
  #tree: LayerTree | undefined = new LayerTree();
  #batch: Batch = newBatch(batchBytes);
  /** Of the archive, where the batch begins. */
  #batchStart = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(session: TreeSession, to: { readonly blob: BlobWriter; readonly output: TreeFd }) {
    this.#session = session;
    this.#blob = to.blob;
    this.#output = to.output;
  }

  /** A member with its data. When a promise comes back, wait for it before the next. */
  add(member: TarMember): Promise<void> | undefined {
    const header = encodeHeader(member);
    const large = member.size > smallFile;
    const fill = padding(member.size);
    const bytes = header.length + (large ? 0 : member.size + fill.length);
    const wait = this.#batch.used + bytes > this.#batch.bytes.length ? this.#send(bytes) : undefined;
    const batch = this.#batch;
    batch.used += header.copy(batch.bytes, batch.used);
    this.#index(member, this.#batchStart + batch.used);
    if (large) return this.#copy(member, fill);
    if (member.size > 0) batch.files.push({ path: member.path, limit: member.size, at: batch.used });
    batch.used += member.size;
    batch.used += fill.copy(batch.bytes, batch.used);
    return wait;
  }

  /** Resolves when all is in the blob. */
  async finish(): Promise<LayerTree | undefined> {
    if (this.#batch.used + tarEnd.length > this.#batch.bytes.length) await this.#send(0);
    this.#batch.used += tarEnd.copy(this.#batch.bytes, this.#batch.used);
    await this.#send(0);
    await this.#written;
    this.#tree?.finish();
    return this.#tree;
  }

  #index(member: TarMember, dataOffset: number): void {
    try {
      this.#tree?.add(toEntry(member, dataOffset));
    } catch {
      // Whoever reads the archive will say what is wrong with it.
      this.#tree = undefined;
    }
  }

  /** Has the batch's files read, to be written after what is under way already, and resolves with that; the next batch has room for so much. */
  #send(room: number): Promise<void> {
    const batch = this.#batch;
    this.#batchStart += batch.used;
    this.#batch = newBatch(Math.max(batchBytes, room));
    const reading = batch.files.length === 0 ? undefined : this.#session.readInto(upper, batch.files, batch.bytes);
    const before = this.#written;
    this.#written = before.then(() => reading).then(() => this.#blob.write(batch.bytes.subarray(0, batch.used)));
    // Whoever waits next is told.
    reading?.catch(() => {});
    this.#written.catch(() => {});
    return before;
  }

  async #copy({ path, size }: TarMember, fill: Buffer): Promise<void> {
    await this.#send(0);
    await this.#written;
    await this.#session.copy(upper, path, { fd: this.#output, offset: this.#batchStart, length: size });
    await this.#session.flush();
    this.#blob.takeWritten(size);
    this.#batchStart += size;
    this.#batch.used += fill.copy(this.#batch.bytes);
  }
}

function newBatch(bytes: number): Batch {
  return { bytes: Buffer.allocUnsafeSlow(bytes), used: 0, files: [] };
}

function mark(path: ByteString): TarMember {
  return { path, type: "file", mode: 0, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 }, size: 0 };
}

function toMember(entry: TreeEntry, shift: IdShift | undefined, firstNames: Map<string, ByteString>): TarMember | undefined {
  const { type } = entry;
  if (type === "socket") return undefined;
  const { path, mode, uid, gid, mtime, major, minor, target } = entry;
  if (type !== "directory" && entry.links > 1) {
    const inode = `${entry.device}:${entry.inode}`;
    const first = firstNames.get(inode);
    if (first !== undefined) return { path, mode, uid, gid, mtime, major, minor, type: "hardlink", target: first, size: 0 };
    firstNames.set(inode, path);
  }
  const size = type === "file" ? entry.size : 0;
  return { path, mode, uid, gid, mtime, major, minor, type, target, size, xattrs: portableXattrs(entry.xattrs, shift) };
}
