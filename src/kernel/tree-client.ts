import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { ByteString } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import { launcherEnvironment } from "../core/fault-settings.ts";
import { encodeFrame, frameTypes as planFrames } from "./frames.ts";
import { type MakeOptions, makeFlags } from "./make-options.ts";
import type { EntryMetadata, NewEntry, TreeFd } from "./tree-records.ts";
import { frameTypes, RecordWriter, recordCodes, recordFlags } from "./tree-records.ts";
import { entryIn, type FramePlace, FrameReader, isReply, takeFrame, type TreeEntry, treeError } from "./tree-replies.ts";

export interface TreeSessionOptions {
  /** A plan that ends with SERVE: what it makes is there under the number that it says. */
  readonly plan?: Uint8Array;
  /** The launcher gets a stream, `treeFd(0)`, that `feed` fills; the descriptors come after it. */
  readonly stream?: boolean;
}

/** A file's bytes to read: fewer come when it has become shorter, or is gone. */
export interface FileRead {
  readonly path: ByteString;
  readonly limit: number;
}

/** A frame of records is sent once it has this many bytes. */
const batchBytes = 48 * 1024;
/** Bytes of a file that wait for whoever reads it, before the launcher has to wait, too. */
const readAhead = 1024 * 1024;
/** Frames on the way before `make` and `set` ask their caller to wait. */
const framesAhead = 16;

interface Waiter {
  readonly frame: (frame: FramePlace) => void;
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
  #stream: Duplex | undefined;
  #drained: (() => void) | undefined;

  /** @param descriptors directories and files of this process; `treeFd(i)` names the i-th in records (see `stream`). */
  constructor(launcher: string, descriptors: readonly number[], options: TreeSessionOptions = {}) {
    const stream = options.stream === true ? (["pipe"] as const) : [];
    this.#process = process.getBuiltinModule("node:child_process").spawn(launcher, options.plan === undefined ? ["tree"] : ["plan"], {
      stdio: ["ignore", "ignore", "inherit", "pipe", ...stream, ...descriptors],
      ...(options.plan === undefined ? {} : { cwd: "/", env: launcherEnvironment() }),
    });
    this.#socket = this.#process.stdio[3] as unknown as Duplex;
    if (options.plan !== undefined) this.#socket.write(encodeFrame(planFrames.plan, options.plan));
    if (options.stream === true) {
      this.#stream = this.#process.stdio[4] as unknown as Duplex;
      this.#stream.on("error", () => {});
      this.#stream.on("drain", () => this.#wakeFeeder());
    }
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

  /** Appends to the stream that the queued entries take their data from. When a promise comes back, wait for it before the next. */
  feed(bytes: Uint8Array): Promise<void> | undefined {
    this.#check();
    if (this.#stream?.write(bytes) !== false) return undefined;
    // The launcher reads what it has been told to read.
    this.#sendBatch();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
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
      (frame) => frame.type === frameTypes.data && chunks.push(Buffer.from(takeFrame(frame).payload)),
    );
    return Buffer.concat(chunks);
  }

  /**
   * The bytes of regular files, in pieces, symlinks not followed; of what is no such file (any more): none. For small ones: all are held at
   * once, in the memory that they were received in.
   */
  async readMany(root: TreeFd, files: readonly FileRead[]): Promise<Buffer[][]> {
    const found: Buffer[][] = [[]];
    await this.#request(
      (writer) => {
        for (const { path, limit } of files) writer.read(root, path, limit, recordFlags.missing);
      },
      (frame) => {
        if (frame.type === frameTypes.data) found[found.length - 1]?.push(takeFrame(frame).payload);
        else if (frame.type === frameTypes.result) found.push([]);
      },
    );
    return files.map((_, index) => found[index] ?? []);
  }

  /** The bytes of one large file, piece by piece: the launcher waits for whoever reads slowly. Nothing else may be asked meanwhile. */
  async *readChunks(root: TreeFd, { path, limit }: FileRead): AsyncGenerator<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let wake: (() => void) | undefined;
    let done = false;
    let abandoned = false;
    const request = this.#request(
      (writer) => writer.read(root, path, limit, recordFlags.missing),
      (frame) => {
        if (frame.type !== frameTypes.data || abandoned) return;
        chunks.push(Buffer.from(takeFrame(frame).payload));
        bytes += frame.end - frame.start;
        if (bytes > readAhead) this.#socket.pause();
        wake?.();
      },
    ).finally(() => {
      done = true;
      wake?.();
    });
    // Thrown below, when all that came before it has been read.
    request.catch(() => {});
    try {
      for (;;) {
        for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
          bytes -= chunk.length;
          if (bytes <= readAhead / 2) this.#socket.resume();
          yield chunk;
        }
        if (done) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (done || chunks.length > 0) resolve();
        });
      }
    } finally {
      abandoned = true;
      this.#socket.resume();
    }
    await request;
  }

  /** The entry, or undefined when there is none. `follow`: symlinks inside the root; "parents": all but the last component. */
  async stat(
    root: TreeFd,
    path: ByteString,
    options: { readonly follow?: boolean | "parents"; readonly xattrs?: boolean } = {},
  ): Promise<TreeEntry | undefined> {
    let entry: TreeEntry | undefined;
    const { follow = false } = options;
    const flags = (follow === false ? 0 : recordFlags.follow) | (follow === "parents" ? recordFlags.nofollow : 0);
    try {
      await this.#request(
        (writer) => writer.named(recordCodes.stat, root, path, flags | (options.xattrs === false ? recordFlags.noXattrs : 0)),
        (frame) => {
          if (frame.type === frameTypes.entry) entry = entryIn(frame);
        },
      );
    } catch (error) {
      if (error instanceof EngineError && (error.details["errno"] === "ENOENT" || error.details["errno"] === "ENOTDIR")) return undefined;
      throw error;
    }
    return entry;
  }

  /** The entries at these paths, undefined where there is none, in few round trips. No symlink is followed. */
  async statMany(
    queries: readonly { readonly root: TreeFd; readonly path: ByteString; readonly xattrs?: boolean }[],
  ): Promise<(TreeEntry | undefined)[]> {
    const found: (TreeEntry | undefined)[] = [];
    for (let at = 0; at < queries.length; ) {
      await this.#request(
        (writer) => {
          while (at < queries.length && writer.size < batchBytes) {
            const query = queries[at++];
            if (query === undefined) continue;
            const flags = recordFlags.missing | (query.xattrs === false ? recordFlags.noXattrs : 0);
            writer.named(recordCodes.stat, query.root, query.path, flags);
          }
        },
        (frame) => found.push(frame.type === frameTypes.entry ? entryIn(frame) : undefined),
      );
    }
    return found;
  }

  /**
   * Calls `visit` for all beneath `path`, directories before what they hold, names in the order of their bytes. Mounts are not entered.
   * What is removed meanwhile is left out; `path` itself may be gone only with `missingOk`.
   */
  async walk(
    root: TreeFd,
    path: ByteString,
    visit: (entry: TreeEntry) => void,
    options: { readonly missingOk?: boolean } = {},
  ): Promise<void> {
    await this.#request(
      (writer) => writer.named(recordCodes.walk, root, path, options.missingOk === true ? recordFlags.missing : 0),
      (frame) => frame.type === frameTypes.entry && visit(entryIn(frame)),
    );
  }

  /** What one directory holds, in the order of the names' bytes; mounts are entered, but those of the kernel's own file systems are empty. */
  async list(root: TreeFd, path: ByteString): Promise<TreeEntry[]> {
    const entries: TreeEntry[] = [];
    await this.#request(
      (writer) => writer.named(recordCodes.walk, root, path, recordFlags.flat),
      (frame) => frame.type === frameTypes.entry && entries.push(entryIn(frame)),
    );
    return entries;
  }

  /**
   * Queues copying exactly `length` bytes of a regular file to an offset of the descriptor `to.fd`; what the file no longer
   * holds is zeros, or what was there. With `missingOk`, nothing is written for what is no such file (any more). As `make`: failures come later.
   */
  copy(
    root: TreeFd,
    path: ByteString,
    to: { readonly fd: TreeFd; readonly offset: number; readonly length: number; readonly missingOk?: boolean },
  ): Promise<void> | undefined {
    this.#check();
    this.#writer.copy(root, path, to);
    return this.#batch();
  }

  /** Ends the process. Work under way is finished first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream?.destroy();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return;
    this.#socket.resume();
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
    this.#sendBatch();
    if (this.#waiters.length < framesAhead) return undefined;
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  async #request(encode: (writer: RecordWriter) => void, frame: (frame: FramePlace) => void = () => {}): Promise<void> {
    this.#sendBatch();
    encode(this.#writer);
    await new Promise<void>((resolve, reject) => {
      this.#send({ frame, done: (error) => (error === undefined ? resolve() : reject(error)) });
    });
    this.#check();
  }

  #sendBatch(): void {
    if (this.#writer.records === 0) return;
    const done = (error: EngineError | undefined): void => {
      this.#failure ??= error;
      if (error !== undefined) this.#wakeFeeder();
    };
    this.#send({ frame: () => {}, done });
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
    this.#reader.visit(chunk, (frame) => {
      const waiter = this.#waiters[0];
      if (waiter === undefined) return;
      if (!isReply(frame.type)) {
        waiter.frame(frame);
        return;
      }
      this.#waiters.shift();
      waiter.done(frame.type === frameTypes.error ? treeError(takeFrame(frame)) : undefined);
      if (this.#waiters.length < framesAhead / 2) this.#wake();
    });
  }

  #wakeFeeder(): void {
    this.#drained?.();
    this.#drained = undefined;
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
    this.#wakeFeeder();
  }
}
