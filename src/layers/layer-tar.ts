import { closeSync, constants, openSync, writeSync } from "node:fs";
import { encodeHeader, padding, tarEnd, type TarMember } from "../archive/tar-writer.ts";
import { hidingPath, opaquePath } from "../archive/whiteout.ts";
import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { type FileRead, TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { portableXattrs } from "./container-ids.ts";
import type { IdShift, LayerChange, LayerStack } from "./diff.ts";

const upper = treeFd(0);
const output = treeFd(1);

/**
 * Writes the changes as an OCI layer: whiteouts, opaque marks, hard links, owners, xattrs and nanosecond times. Large files go from
 * the read-write layer to the new file `tarPath` within the kernel. Sockets are left out, as a tar has no word for them.
 * @throws {EngineError} TREE_FAILED
 */
export async function writeLayerTar(
  launcher: string,
  stack: LayerStack,
  options: { readonly changes: readonly LayerChange[]; readonly tarPath: HostPath },
): Promise<void> {
  const upperFd = openSync(stack.upper, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const tarFd = openSync(options.tarPath, "wx+", 0o600);
    try {
      await using session = new TreeSession(launcher, [upperFd, tarFd]);
      await writeMembers(session, tarFd, { changes: options.changes, shift: stack.uidShift });
      await session.flush();
    } finally {
      closeSync(tarFd);
    }
  } finally {
    closeSync(upperFd);
  }
}

async function writeMembers(
  session: TreeSession,
  tarFd: number,
  layer: { readonly changes: readonly LayerChange[]; readonly shift: IdShift | undefined },
): Promise<void> {
  /** Of files with several names: the first one written. */
  const firstNames = new Map<string, ByteString>();
  const tar = new TarFile(session, tarFd);
  for (const change of layer.changes) {
    if (change.kind === "deleted") {
      if (!change.implied) tar.put(encodeHeader(mark(hidingPath(change.path))));
      continue;
    }
    const member = toMember(change.entry, layer.shift, firstNames);
    if (member === undefined) continue;
    tar.put(encodeHeader(member));
    if (change.opaque) tar.put(encodeHeader(mark(opaquePath(change.path))));
    if (member.size > 0) {
      const wait = tar.content(change.path, member.size);
      if (wait !== undefined) await wait;
    }
  }
  tar.put(tarEnd);
  await tar.finish();
}

/** Files up to this size go through this process, many at a time: that is quicker than a copy of each in the kernel. */
const smallFile = 64 * 1024;
const batchBytes = 256 * 1024;

/** A tar in the making: what is put waits for a batch, and while one is written the next one's files are read. */
class TarFile {
  readonly #session: TreeSession;
  readonly #fd: number;
  #position = 0;
  #waiting: (Buffer | FileRead)[] = [];
  #waitingBytes = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(session: TreeSession, fd: number) {
    this.#session = session;
    this.#fd = fd;
  }

  put(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /** A file's bytes, and what fills its last block. When a promise comes back, wait for it. */
  content(path: ByteString, size: number): Promise<void> | undefined {
    if (size > smallFile) return this.#copy(path, size);
    this.#waiting.push({ path, limit: size });
    this.#waitingBytes += size;
    this.put(padding(size));
    return this.#waitingBytes > batchBytes ? this.#flush() : undefined;
  }

  /** Resolves when all that was put is in the file. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#written;
  }

  /** Has the waiting files read, to be written after what is under way already, and resolves with that. */
  #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const files = waiting.filter((piece): piece is FileRead => !Buffer.isBuffer(piece));
    const reading = files.length === 0 ? Promise.resolve([]) : this.#session.readMany(upper, files);
    const before = this.#written;
    this.#written = Promise.all([reading, before]).then(([contents]) => this.#write(waiting, contents));
    // Whoever waits next is told.
    this.#written.catch(() => {});
    return before;
  }

  #write(waiting: readonly (Buffer | FileRead)[], contents: readonly (readonly Buffer[])[]): void {
    const pieces: Buffer[] = [];
    let next = 0;
    for (const piece of waiting) {
      if (Buffer.isBuffer(piece)) {
        pieces.push(piece);
        continue;
      }
      const chunks = contents[next++] ?? [];
      pieces.push(...chunks);
      const missing = chunks.reduce((rest, chunk) => rest - chunk.length, piece.limit);
      // It has become shorter meanwhile.
      if (missing > 0) pieces.push(Buffer.alloc(missing));
    }
    const bytes = Buffer.concat(pieces);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#position + at);
    this.#position += bytes.length;
  }

  async #copy(path: ByteString, size: number): Promise<void> {
    await this.finish();
    const wait = this.#session.copy(upper, path, { fd: output, offset: this.#position, length: size });
    this.#position += size;
    this.put(padding(size));
    if (wait !== undefined) await wait;
  }
}

function mark(path: ByteString): TarMember {
  return { path, type: "file", mode: 0, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 }, size: 0 };
}

function toMember(entry: TreeEntry, shift: IdShift | undefined, firstNames: Map<string, ByteString>): TarMember | undefined {
  const { type } = entry;
  if (type === "socket") return undefined;
  const { path, mode, uid, gid, mtime, major, minor, target } = entry;
  const common = { path, mode, uid, gid, mtime, major, minor, xattrs: portableXattrs(entry.xattrs, shift) };
  if (type !== "directory" && entry.links > 1) {
    const inode = `${entry.device}:${entry.inode}`;
    const first = firstNames.get(inode);
    if (first !== undefined) return { ...common, type: "hardlink", target: first, size: 0, xattrs: new Map() };
    firstNames.set(inode, path);
  }
  return { ...common, type, target, size: type === "file" ? entry.size : 0 };
}
