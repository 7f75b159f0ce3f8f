import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { ByteString } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { EntryMetadata, NewEntry, TreeFd } from "./tree-records.ts";
import { frameTypes, RecordWriter, recordCodes, recordFlags } from "./tree-records.ts";
import { decodeEntry, FrameReader, isReply, type TreeEntry, type TreeFrame, treeError } from "./tree-replies.ts";

export interface MakeOptions {
  /** What is in the way is removed, a directory with all it holds. A directory over a directory stays and takes the metadata. */
  readonly replace?: boolean;
  /** Makes missing parents, root's, 0755. */
  readonly parents?: boolean;
  /** Xattrs that the file system can't hold are left out. */
  readonly lenientXattrs?: boolean;
  /** A parent may be a symlink, followed inside the root. Otherwise that is ELOOP. */
  readonly follow?: boolean;
}

/** A frame of records is sent once it has this many bytes. */
const batchBytes = 48 * 1024;
/** Frames on the way before `make` and `set` ask their caller to wait. */
const framesAhead = 16;

interface Waiter {
  readonly frame: (frame: TreeFrame) => void;
  readonly done: (error: EngineError | undefined) => void;
}

/**
 * One `launcher tree` process and its descriptors. `make` and `set` are batched and pipelined: their failure is thrown by a
 * later call or by `flush`, and nothing after the failed record of a batch is done. The others answer for themselves, in order.
 * The session owns the process, not the descriptors, which may be closed once it is open.
 */
export class TreeSession implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #waiters: Waiter[] = [];
  #writer = new RecordWriter();
  #failure: EngineError | undefined;
  #ended: (() => void) | undefined;
  #resume: (() => void) | undefined;

  /** @param descriptors directories and files of this process; `treeFd(i)` names the i-th in records. */
  constructor(launcher: string, descriptors: readonly number[]) {
    this.#process = process
      .getBuiltinModule("node:child_process")
      .spawn(launcher, ["tree"], { stdio: ["ignore", "ignore", "inherit", "pipe", ...descriptors] });
    this.#socket = this.#process.stdio[3] as unknown as Duplex;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (cause: Error) => this.#lost(cause));
    this.#socket.on("close", () => this.#lost());
    this.#process.on("error", (cause) => this.#lost(cause));
    this.#process.on("close", () => {
      this.#lost();
      this.#ended?.();
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Queues the entry. When a promise comes back, wait for it before the next: the launcher is behind. */
  make(root: TreeFd, entry: NewEntry, options: MakeOptions = {}): Promise<void> | undefined {
    this.#check();
    this.#writer.make(root, entry, makeFlags(options));
    return this.#batch();
  }

  /** Queues a change of an entry's metadata. As `make`. */
  set(
    root: TreeFd,
    path: ByteString,
    metadata: EntryMetadata,
    options: Pick<MakeOptions, "lenientXattrs" | "follow"> = {},
  ): Promise<void> | undefined {
    this.#check();
    this.#writer.set(root, path, metadata, makeFlags(options));
    return this.#batch();
  }

  /** Resolves once everything queued is done. @throws {EngineError} TREE_FAILED, with errno, call and path in its details. */
  async flush(): Promise<void> {
    await this.#request(() => {});
    this.#check();
  }

  /** Removes the entry and all beneath it, never crossing a mount; `.` empties the root. */
  async remove(root: TreeFd, path: ByteString, options: { readonly missingOk?: boolean } = {}): Promise<void> {
    await this.#request((writer) => writer.named(recordCodes.remove, root, path, options.missingOk === true ? recordFlags.missing : 0));
  }

  /** Moves the owners `from … from+count-1` of the whole tree to `to …`. Others stay. Repeatable: the ranges must not overlap. */
  async chown(root: TreeFd, shift: { readonly from: number; readonly to: number; readonly count: number }): Promise<void> {
    await this.#request((writer) => writer.chown(root, shift));
  }

  /** Brings the file system of `root` to the disk. */
  async sync(root: TreeFd): Promise<void> {
    await this.#request((writer) => writer.sync(root));
  }

  /** At most `limit` bytes of a regular file; symlinks are followed inside the root unless `follow` is false. */
  async read(root: TreeFd, path: ByteString, options: { readonly limit: number; readonly follow?: boolean }): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const flags = options.follow === false ? 0 : recordFlags.follow;
    await this.#request(
      (writer) => writer.read(root, path, options.limit, flags),
      (frame) => frame.type === frameTypes.data && chunks.push(Buffer.from(frame.payload)),
    );
    return Buffer.concat(chunks);
  }

  /** The entry, or undefined when there is none. */
  async stat(root: TreeFd, path: ByteString, options: { readonly follow?: boolean } = {}): Promise<TreeEntry | undefined> {
    let entry: TreeEntry | undefined;
    try {
      await this.#request(
        (writer) => writer.named(recordCodes.stat, root, path, options.follow === true ? recordFlags.follow : 0),
        (frame) => {
          if (frame.type === frameTypes.entry) entry = decodeEntry(frame.payload);
        },
      );
    } catch (error) {
      if (error instanceof EngineError && (error.details["errno"] === "ENOENT" || error.details["errno"] === "ENOTDIR")) return undefined;
      throw error;
    }
    return entry;
  }

  /** The entries at these paths, undefined where there is none, in few round trips. No symlink is followed. */
  async statMany(queries: readonly { readonly root: TreeFd; readonly path: ByteString }[]): Promise<(TreeEntry | undefined)[]> {
    const found: (TreeEntry | undefined)[] = [];
    for (let at = 0; at < queries.length; ) {
      await this.#request(
        (writer) => {
          while (at < queries.length && writer.size < batchBytes) {
            const query = queries[at++];
            if (query !== undefined) writer.named(recordCodes.stat, query.root, query.path, recordFlags.missing);
          }
        },
        (frame) => found.push(frame.type === frameTypes.entry ? decodeEntry(frame.payload) : undefined),
      );
    }
    return found;
  }

  /** Calls `visit` for all beneath `path`, directories before what they hold, names in the order of their bytes. Mounts are not entered. */
  async walk(root: TreeFd, path: ByteString, visit: (entry: TreeEntry) => void): Promise<void> {
    await this.#request(
      (writer) => writer.named(recordCodes.walk, root, path, 0),
      (frame) => frame.type === frameTypes.entry && visit(decodeEntry(frame.payload)),
    );
  }

  /**
   * Queues copying exactly `length` bytes of a regular file to an offset of the descriptor `to.fd`; what the file no longer
   * holds is zeros. As `make`: failures come later.
   */
  copy(
    root: TreeFd,
    path: ByteString,
    to: { readonly fd: TreeFd; readonly offset: number; readonly length: number },
  ): Promise<void> | undefined {
    this.#check();
    this.#writer.copy(root, path, to);
    return this.#batch();
  }

  /** Ends the process. Work under way is finished first. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#socket.end();
    await ended;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #batch(): Promise<void> | undefined {
    if (this.#writer.size < batchBytes) return undefined;
    this.#send({ frame: () => {}, done: (error) => (this.#failure ??= error) });
    if (this.#waiters.length < framesAhead) return undefined;
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  async #request(encode: (writer: RecordWriter) => void, frame: (frame: TreeFrame) => void = () => {}): Promise<void> {
    if (this.#writer.records > 0) this.#send({ frame: () => {}, done: (error) => (this.#failure ??= error) });
    encode(this.#writer);
    await new Promise<void>((resolve, reject) => {
      this.#send({ frame, done: (error) => (error === undefined ? resolve() : reject(error)) });
    });
    this.#check();
  }

  #send(waiter: Waiter): void {
    const frame = this.#writer.take();
    if (this.#failure?.code === "TREE_LOST") {
      waiter.done(this.#failure);
      return;
    }
    this.#waiters.push(waiter);
    this.#socket.write(frame);
  }

  #receive(chunk: Buffer): void {
    for (const frame of this.#reader.push(chunk)) {
      const waiter = this.#waiters[0];
      if (waiter === undefined) continue;
      if (!isReply(frame.type)) {
        waiter.frame(frame);
        continue;
      }
      this.#waiters.shift();
      waiter.done(frame.type === frameTypes.error ? treeError(frame) : undefined);
      if (this.#waiters.length < framesAhead / 2) this.#wake();
    }
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  #lost(cause?: Error): void {
    const waiters = this.#waiters.splice(0);
    const error = new EngineError({ kind: "internal", code: "TREE_LOST", message: "the launcher ended during tree operations", cause });
    this.#failure ??= error;
    for (const waiter of waiters) waiter.done(error);
    this.#wake();
  }
}

function makeFlags(options: MakeOptions): number {
  let flags = 0;
  if (options.replace === true) flags |= recordFlags.replace;
  if (options.parents === true) flags |= recordFlags.parents;
  if (options.lenientXattrs === true) flags |= recordFlags.lenient;
  if (options.follow === true) flags |= recordFlags.follow;
  return flags;
}
