import { closeSync, ftruncateSync, openSync } from "node:fs";
import { padding, tarEnd, TarHeader, type TarMember, toEntry } from "../archive/tar-writer.ts";
import { hidingPath, opaquePath } from "../archive/whiteout.ts";
import { type BlobWriter, writeFully } from "../content/blob-writer.ts";
import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type TreeFd, treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { portableXattrs } from "./container-ids.ts";
import { compareLayers, type IdShift, type LayerStack, openStack } from "./diff.ts";
import { LayerTree } from "./layer-tree.ts";
import { LayerTreeBuilder } from "./layer-tree-builder.ts";

const upper = treeFd(0);

/**
 * Writes what the read-write layer changes as an OCI layer: whiteouts, opaque marks, hard links, owners, xattrs and nanosecond times. Files
 * go from the read-write layer to the blob without coming by here. Sockets are left out, as a tar has no word for them. Resolves with what
 * reading the archive would give; the caller's to dispose of; undefined where that would fail. `meanwhile` is called while the launcher begins to look; nothing is written before it is
 * done.
 * @throws {EngineError} TREE_FAILED, NO_SPACE; what `meanwhile` throws
 */
export async function writeLayerTar(
  launcher: string,
  stack: LayerStack,
  { blob, meanwhile }: { readonly blob: BlobWriter; readonly meanwhile?: () => Promise<void> },
): Promise<LayerTree | undefined> {
  const descriptors: number[] = [];
  try {
    openStack(stack, descriptors);
    const output = openSync(blob.path, "r+");
    descriptors.push(output);
    await using session = new TreeSession(launcher, descriptors);
    const comparing = compareLayers(session, stack, { newFiles: false });
    // Awaited below, unless the other fails first.
    comparing.catch(() => {});
    await meanwhile?.();
    const changes = await comparing;
    using tar = new LayerTar(session, { blob, output: { fd: output, inLauncher: treeFd(descriptors.length - 1) } });
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

/** The archive is written in parts of this size: headers, and between them room for the files that the launcher copies there. */
const partBytes = 256 * 1024;
/** A larger file is a part of its own, copied to where the archive ends: it takes no memory here, and its holes stay holes. */
const smallFile = 64 * 1024;
/** Parts that are not in the blob yet, before the next is waited for. */
const partsAhead = 8;

interface Output {
  /** The blob's file, here and in the launcher. */
  readonly fd: number;
  readonly inLauncher: TreeFd;
}

/** A tar in the making: while the launcher copies one part's files, the next one's headers are written and the one before is hashed. */
class LayerTar implements Disposable {
  readonly #session: TreeSession;
  readonly #blob: BlobWriter;
  readonly #output: Output;
  #tree: LayerTree | undefined;
  readonly #builder: LayerTreeBuilder;
  /** Of the archive, where the part begins that is being made. */
  #start = 0;
  #bytes = Buffer.allocUnsafeSlow(partBytes);
  #used = 0;
  #files: { readonly path: ByteString; readonly at: number; readonly length: number }[] = [];
  /** Each resolves once that part is in the blob, and all before it. */
  readonly #parts: Promise<void>[] = [];

  constructor(session: TreeSession, to: { readonly blob: BlobWriter; readonly output: Output }) {
    this.#session = session;
    this.#blob = to.blob;
    this.#output = to.output;
    this.#tree = new LayerTree(`${to.blob.path}-spool` as HostPath);
    this.#builder = new LayerTreeBuilder(this.#tree);
  }

  /** A member with its data. When a promise comes back, wait for it before the next. */
  add(member: TarMember): Promise<void> | undefined {
    const header = new TarHeader(member);
    const { path, size } = member;
    const padded = size + padding(size).length;
    const large = size > smallFile;
    const wait = this.#makeRoom(header.length + (large ? 0 : padded));
    header.put(this.#bytes, this.#used);
    this.#used += header.length;
    this.#index(member, this.#start + this.#used);
    if (large) {
      void this.#send();
      // So long it is, whatever becomes of the file meanwhile.
      ftruncateSync(this.#output.fd, this.#start + size);
      this.#copy(path, { at: 0, length: size });
      const behind = this.#take(size);
      this.#putZeros(padded - size);
      return behind;
    }
    if (size > 0) this.#files.push({ path, at: this.#used, length: size });
    this.#putZeros(padded);
    return wait;
  }

  /** Resolves when all is in the blob. The tree is the caller's then. */
  async finish(): Promise<LayerTree | undefined> {
    void this.#makeRoom(tarEnd.length);
    this.#putZeros(tarEnd.length);
    void this.#send();
    await this.#parts.at(-1);
    const tree = this.#tree;
    tree?.finish();
    this.#tree = undefined;
    return tree;
  }

  [Symbol.dispose](): void {
    this.#tree?.[Symbol.dispose]();
    this.#tree = undefined;
  }

  #index(member: TarMember, dataOffset: number): void {
    if (this.#tree === undefined) return;
    try {
      this.#builder.add(toEntry(member, dataOffset));
    } catch {
      // Whoever reads the archive will say what is wrong with it.
      this[Symbol.dispose]();
    }
  }

  #putZeros(length: number): void {
    this.#bytes.fill(0, this.#used, this.#used + length);
    this.#used += length;
  }

  #makeRoom(bytes: number): Promise<void> | undefined {
    if (this.#used + bytes <= this.#bytes.length) return undefined;
    const wait = this.#send();
    if (bytes > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(bytes);
    return wait;
  }

  #send(): Promise<void> | undefined {
    const length = this.#used;
    // Before the files, which come into it.
    writeFully(this.#output.fd, this.#bytes.subarray(0, length), this.#start);
    for (const file of this.#files) this.#copy(file.path, file);
    this.#files = [];
    this.#used = 0;
    return this.#take(length);
  }

  /** To a place in the part. What is no such file (any more) is zeros. */
  #copy(path: ByteString, { at, length }: { readonly at: number; readonly length: number }): void {
    void this.#session.copy(upper, path, { fd: this.#output.inLauncher, offset: this.#start + at, length, missingOk: true });
  }

  /** Ends the part. */
  #take(length: number): Promise<void> | undefined {
    this.#start += length;
    const before = this.#parts.at(-1);
    const part = Promise.all([before, this.#session.flush()]).then(() => this.#blob.takeWritten(length));
    // Whoever waits next is told.
    part.catch(() => {});
    this.#parts.push(part);
    return this.#parts.length > partsAhead ? this.#parts.shift() : undefined;
  }
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
