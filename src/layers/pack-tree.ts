import { encodeHeader, padding, tarEnd, type TarMember } from "../archive/tar-writer.ts";
import type { ByteString } from "../core/byte-string.ts";
import type { TreeSession } from "../kernel/tree-client.ts";
import type { TreeFd, Xattrs } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { portableXattrs, unshift } from "./container-ids.ts";
import type { IdShift } from "./diff.ts";

export interface PackRequest {
  readonly session: TreeSession;
  readonly root: TreeFd;
  /** What is packed, beneath the root, without symlinks on the way; `.` is the root. */
  readonly path: ByteString;
  /** What it is called in the archive; empty for a directory's contents (`./`). */
  readonly name: ByteString;
  /** Owners are told as the container sees them. */
  readonly shift?: IdShift;
  /** Entries that are left out, by their path beneath the root. */
  readonly skip?: (path: ByteString) => boolean;
}

/** Files up to this size are read several in one go. */
const smallFile = 64 * 1024;
/** Of a batch of small files. */
const batchBytes = 1024 * 1024;
const batchEntries = 512;

/**
 * The tar of a tree that may change meanwhile and may belong to somebody hostile: each file has as many bytes as its header says, however it
 * grows or shrinks, what vanishes is left out, and no symlink is followed. Memory stays bounded by the largest directory. Sockets are left
 * out, as a tar has no word for them.
 * @throws {EngineError} TREE_FAILED
 */
export async function* packTree(request: PackRequest): AsyncGenerator<Buffer> {
  const packing = new Packing(request);
  const first = await request.session.stat(request.root, request.path);
  if (first !== undefined) yield* packing.tree(first);
  yield* packing.flush();
  yield tarEnd;
}

class Packing {
  readonly #request: PackRequest;
  /** Of files with several names: the first one written. */
  readonly #firstNames = new Map<string, ByteString>();
  #batch: { readonly entry: TreeEntry; readonly member: TarMember }[] = [];
  #batchBytes = 0;

  constructor(request: PackRequest) {
    this.#request = request;
  }

  async *tree(first: TreeEntry): AsyncGenerator<Buffer> {
    const { session, root, path, name, skip } = this.#request;
    yield* this.#add(first, name === "" ? ("." as ByteString) : name);
    // Directories whose contents are still to come, as a stack of lists: nothing recurses, however deep it is.
    const stack: TreeEntry[][] = [];
    const enter = async (directory: ByteString): Promise<void> => {
      const entries = await session.list(root, directory).catch(nothingIfGone);
      stack.push(entries.map((entry) => ({ ...entry, path: join(directory, entry.path) })).reverse());
    };
    if (first.type === "directory") await enter(path);
    for (let list = stack.at(-1); list !== undefined; list = stack.at(-1)) {
      const entry = list.pop();
      if (entry === undefined) {
        stack.pop();
        continue;
      }
      if (skip?.(entry.path) === true) continue;
      yield* this.#add(entry, join(name, path === "." ? entry.path : (entry.path.slice(path.length + 1) as ByteString)));
      if (entry.type === "directory") await enter(entry.path);
    }
  }

  /** Writes what waits, in order. */
  async *flush(): AsyncGenerator<Buffer> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    const wanted = batch.filter(({ member }) => member.size > 0);
    const { session, root } = this.#request;
    const files = wanted.length === 0 ? [] : await session.readMany(root, wanted.map(toRead));
    const contents = files.values();
    const pieces: Buffer[] = [];
    for (const { member } of batch) {
      pieces.push(encodeHeader(member));
      if (member.size === 0) continue;
      const chunks: readonly Buffer[] = contents.next().value ?? [];
      const missing = chunks.reduce((rest, chunk) => rest - chunk.length, member.size);
      pieces.push(...chunks, Buffer.alloc(missing), padding(member.size));
    }
    if (pieces.length > 0) yield Buffer.concat(pieces);
  }

  async *#add(entry: TreeEntry, name: ByteString): AsyncGenerator<Buffer> {
    const member = this.#member(entry, name);
    if (member === undefined) return;
    if (member.size > smallFile) {
      yield* this.flush();
      yield* this.#large(entry, member);
      return;
    }
    this.#batch.push({ entry, member });
    this.#batchBytes += member.size;
    if (this.#batchBytes > batchBytes || this.#batch.length >= batchEntries) yield* this.flush();
  }

  async *#large(entry: TreeEntry, member: TarMember): AsyncGenerator<Buffer> {
    const { session, root } = this.#request;
    yield encodeHeader(member);
    let given = 0;
    for await (const chunk of session.readChunks(root, toRead({ entry, member }))) {
      given += chunk.length;
      yield chunk;
    }
    for (let missing = member.size - given; missing > 0; missing -= zeros.length) yield zeros.subarray(0, missing);
    yield padding(member.size);
  }

  #member(entry: TreeEntry, path: ByteString): TarMember | undefined {
    const { type, mode, mtime, major, minor, target } = entry;
    if (type === "socket") return undefined;
    const { uid, gid } = unshift(entry, this.#request.shift);
    const xattrs: Xattrs = portableXattrs(entry.xattrs, this.#request.shift);
    const common = { path, mode, uid, gid, mtime, major, minor, xattrs };
    if (type !== "directory" && entry.links > 1) {
      const inode = `${entry.device}:${entry.inode}`;
      const first = this.#firstNames.get(inode);
      if (first !== undefined) return { ...common, type: "hardlink", target: first, size: 0, xattrs: new Map() };
      this.#firstNames.set(inode, path);
    }
    return { ...common, type, target, size: type === "file" ? entry.size : 0 };
  }
}

const zeros = Buffer.alloc(64 * 1024);

function toRead({ entry, member }: { readonly entry: TreeEntry; readonly member: TarMember }) {
  return { path: entry.path, limit: member.size };
}

function join(directory: ByteString, name: ByteString): ByteString {
  return (directory === "" || directory === "." ? name : `${directory}/${name}`) as ByteString;
}

/** A directory that is gone since it was listed, or is something else by now, holds nothing. */
function nothingIfGone(error: unknown): TreeEntry[] {
  const { errno } = (error as { readonly details?: { readonly errno?: unknown } }).details ?? {};
  if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP") return [];
  throw error;
}
