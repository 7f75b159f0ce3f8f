import type { StreamedEntry } from "../archive/tar-stream.ts";
import { invalidTar, type TarEntry } from "../archive/tar-entry.ts";
import type { ByteString } from "../core/byte-string.ts";
import { decodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { MakeOptions } from "../kernel/make-options.ts";
import type { TreeSession } from "../kernel/tree-client.ts";
import { type EntryMetadata, type NewEntry, type TreeFd, treeFd, type Xattrs } from "../kernel/tree-records.ts";
import { capabilityFor, toHost } from "./container-ids.ts";
import type { IdShift } from "./diff.ts";

export interface UnpackTreeRequest {
  /** With a stream. */
  readonly session: TreeSession;
  readonly root: TreeFd;
  /** The directory beneath the root that the archive's names are relative to; `.` is the root. */
  readonly directory: ByteString;
  /** How the directory is called in messages. */
  readonly shownAs: string;
  /** "archive": as the archive says; else all belongs to that one. */
  readonly owner: "archive" | { readonly uid: number; readonly gid: number };
  /** Set-id bits, file capabilities, ACLs and devices that others may use are left out: whoever made the archive is not trusted that far. */
  readonly plain: boolean;
  readonly shift?: IdShift;
  /** Symlinks on the way are followed inside the root; otherwise one in the way is an error. */
  readonly follow: boolean;
  /** A directory and what is none don't replace each other. */
  readonly keepKind: boolean;
  /** The name that an entry gets. */
  readonly rename?: (path: ByteString) => ByteString;
  readonly signal?: AbortSignal;
}

/**
 * Makes the archive's entries in a tree that may belong to somebody hostile who changes it meanwhile: nothing leaves the root. Files
 * appear whole. What was made before a failure stays. Returns the bytes of file content.
 * @throws {EngineError} COPY_KIND_CONFLICT, TAR_INVALID, TREE_FAILED
 */
export async function unpackTree(request: UnpackTreeRequest, entries: AsyncIterable<StreamedEntry>): Promise<number> {
  const unpacking = new Unpacking(request);
  try {
    for await (const streamed of entries) {
      request.signal?.throwIfAborted();
      await unpacking.entry(streamed);
    }
    await unpacking.finish();
    return unpacking.bytes;
  } catch (error) {
    throw conflict(error, request);
  }
}

const stream = treeFd(0);

class Unpacking {
  readonly #request: UnpackTreeRequest;
  readonly #options: MakeOptions;
  /** Set last: what is made in a directory changes its time. */
  readonly #directories = new Map<ByteString, EntryMetadata>();
  /** Directories that are certain to be there. */
  readonly #known = new Set<ByteString>();
  bytes = 0;

  constructor(request: UnpackTreeRequest) {
    this.#request = request;
    this.#options = { replace: true, lenientXattrs: true, follow: request.follow, keepKind: request.keepKind };
    this.#known.add(request.directory);
  }

  async entry({ entry, data }: StreamedEntry): Promise<void> {
    const { session, root, rename } = this.#request;
    const path = this.#place(rename === undefined ? entry.path : rename(entry.path));
    if (path === this.#request.directory) {
      if (entry.type === "directory") return;
      throw invalidTar("its root is not a directory", entry.path);
    }
    await this.#parents(path);
    const made = this.#newEntry(entry, path);
    if (entry.type === "directory") {
      this.#known.add(path);
      const { mtime } = entry;
      this.#directories.set(path, { mtime });
    }
    const wait = session.make(root, made, this.#options);
    if (wait !== undefined) await wait;
    if (made.segments === undefined || made.segments.length === 0) return;
    this.bytes += entry.size;
    for await (const chunk of data()) {
      // The socket may keep it, the source fills it anew.
      const fed = session.feed(Buffer.from(chunk));
      if (fed !== undefined) await fed;
    }
  }

  async finish(): Promise<void> {
    const { session, root, follow } = this.#request;
    for (const [path, metadata] of this.#directories) {
      const wait = session.set(root, path, metadata, { follow });
      if (wait !== undefined) await wait;
    }
    await session.flush();
  }

  #place(path: ByteString): ByteString {
    const { directory } = this.#request;
    if (path === "." || path === "") return directory;
    return (directory === "." ? path : `${directory}/${path}`) as ByteString;
  }

  /** An archive need not name the directories that its entries are in; those that are missing belong to root, or to `owner`. */
  async #parents(path: ByteString): Promise<void> {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
    if (parent === "" || this.#known.has(parent)) return;
    const { session, root, follow } = this.#request;
    await this.#parents(parent);
    if ((await session.stat(root, parent, { follow, xattrs: false })) === undefined) {
      const owner = this.#owner({ uid: 0, gid: 0 });
      const wait = session.make(root, { path: parent, type: "directory", mode: 0o755, owner }, this.#options);
      if (wait !== undefined) await wait;
    }
    this.#known.add(parent);
  }

  #owner(owner: { readonly uid: number; readonly gid: number }): { readonly uid: number; readonly gid: number } {
    const { owner: wanted, shift } = this.#request;
    return toHost(wanted === "archive" ? owner : wanted, shift);
  }

  #newEntry(entry: TarEntry, path: ByteString): NewEntry {
    const { rename, plain } = this.#request;
    if (entry.type === "hardlink") {
      return { path, type: "hardlink", target: this.#place(rename === undefined ? entry.target : rename(entry.target)) };
    }
    let offset = 0;
    const segments = entry.segments.map(({ length, fileOffset }) => {
      const segment = { fd: stream, offset, length, fileOffset };
      offset += length;
      return segment;
    });
    return {
      path,
      type: entry.type,
      target: entry.target,
      mode: plain ? plainMode(entry) : entry.mode,
      owner: this.#owner(entry),
      mtime: entry.mtime,
      xattrs: this.#xattrs(entry.xattrs),
      major: entry.major,
      minor: entry.minor,
      size: entry.size,
      segments,
    };
  }

  #xattrs(xattrs: Xattrs): Xattrs {
    if (xattrs.size === 0) return xattrs;
    const { plain } = this.#request;
    const kept = new Map<ByteString, ByteString>();
    for (const [name, value] of xattrs) {
      if (name === "security.capability" && !plain) kept.set(name, capabilityFor(value, this.#request.shift));
      else if (name.startsWith("user.") && !name.startsWith("user.overlay.")) kept.set(name, value);
      else if (name.startsWith("system.posix_acl_") && !plain) kept.set(name, value);
    }
    return kept;
  }
}

/** For files that get another owner: that one has not asked for programs with its rights, nor opened a device to everybody. */
function plainMode({ mode, type }: TarEntry): number {
  if (type === "character" || type === "block") return mode & 0o700;
  return type === "directory" ? mode & 0o1777 : mode & 0o777;
}

function conflict(error: unknown, { directory: at, shownAs: directory }: UnpackTreeRequest): unknown {
  if (!(error instanceof EngineError) || error.code !== "TREE_FAILED" || error.details["call"] !== "overwrite") return error;
  const path = `${at === "." && directory !== "/" ? directory : ""}/${String(error.details["path"])}`;
  const isDirectory = error.details["errno"] === "EISDIR";
  return new EngineError({
    kind: "conflict",
    code: "COPY_KIND_CONFLICT",
    message: isDirectory
      ? `cannot overwrite directory "${path}" with non-directory "${directory}"`
      : `cannot overwrite non-directory "${path}" with directory "${directory}"`,
    details: { path: decodeText(path as ByteString) },
  });
}
