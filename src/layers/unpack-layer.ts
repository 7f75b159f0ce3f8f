import { readTarFile } from "../archive/tar-file.ts";
import { invalidTar, type TarEntry } from "../archive/tar-entry.ts";
import { type Whiteout, whiteoutOf } from "../archive/whiteout.ts";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type EntryMetadata, type FileTime, type NewEntry, treeFd, type Xattrs } from "../kernel/tree-records.ts";

const opaque: Xattrs = new Map([["trusted.overlay.opaque" as ByteString, "y" as ByteString]]);
const root = treeFd(0);
const tar = treeFd(1);

/**
 * Unpacks the layer in the uncompressed tar `tarFd` into the empty directory `rootFd`, in the form that overlayfs takes:
 * `.wh.NAME` becomes a character device 0:0, an opaque directory gets `trusted.overlay.opaque=y`. Resolves, with the bytes of
 * file content, once all is on disk.
 *
 * A name that passes through a symlink of the same layer is refused; so are overlayfs's own xattrs left out, since a layer could
 * use them to show directories that are not its own.
 * @throws {EngineError} TAR_INVALID, TREE_FAILED
 */
export async function unpackLayer(
  launcher: string,
  from: { readonly tarFd: number; readonly rootFd: number; readonly signal?: AbortSignal },
): Promise<number> {
  await using session = new TreeSession(launcher, [from.rootFd, from.tarFd]);
  const unpacking = new Unpacking(session);
  await unpacking.begin();
  for (const entry of readTarFile(from.tarFd)) {
    from.signal?.throwIfAborted();
    const whiteout = whiteoutOf(entry);
    const wait = whiteout === undefined ? unpacking.entry(entry) : unpacking.whiteout(whiteout);
    if (wait !== undefined) await wait;
  }
  await unpacking.finish();
  return unpacking.sizeBytes;
}

/** What one layer has made so far, as far as later entries depend on it. */
class Unpacking {
  readonly #session: TreeSession;
  /** Every path in the layer, parents without an entry of their own included; whiteouts apart. */
  readonly #made = new Map<ByteString, "directory" | "other">([["." as ByteString, "directory"]]);
  readonly #hidden = new Set<ByteString>();
  /** Set last, since making an entry changes its directory's time, and a default ACL changes what is made under it. */
  readonly #directories = new Map<ByteString, EntryMetadata>();
  sizeBytes = 0;

  constructor(session: TreeSession) {
    this.#session = session;
  }

  async begin(): Promise<void> {
    await this.#session.make(root, { path: "." as ByteString, type: "directory", mode: 0o755, owner: { uid: 0, gid: 0 } });
  }

  entry(entry: TarEntry): Promise<void> | undefined {
    const { path } = entry;
    this.#implyParents(path);
    if (entry.type === "hardlink" && !this.#made.has(entry.target)) {
      throw invalidTar(`a hard link to \`${entry.target}\`, which the archive does not hold before it`, path);
    }
    const before = this.#made.get(path);
    if (entry.type !== "directory") {
      if (path === ".") throw invalidTar("its root is not a directory", path);
      if (before === "directory") this.#forget(path);
      this.#made.set(path, "other");
      this.#hidden.delete(path);
      this.sizeBytes += entry.size;
      return this.#session.make(root, toNewEntry(entry, withoutOverlay(entry.xattrs)), options);
    }
    const { now, later } = splitAcl(withoutOverlay(entry.xattrs));
    this.#made.set(path, "directory");
    this.#directories.set(path, later === undefined ? { mtime: entry.mtime } : { mtime: entry.mtime, xattrs: later });
    const wait = this.#session.make(root, toNewEntry(entry, now), options);
    // The same layer hides what was there below and puts a directory in its place.
    return this.#hidden.delete(path) ? this.#opaque(path) : wait;
  }

  whiteout(whiteout: Whiteout): Promise<void> | undefined {
    if (whiteout.kind === "ignore") return undefined;
    const { path } = whiteout;
    this.#implyParents(path);
    const made = this.#made.get(path);
    if (whiteout.kind === "hide") {
      // A whiteout speaks of the layers below: an entry of this layer stays, whichever comes first.
      if (made === "other" || path === ".") return undefined;
      if (made === "directory") return this.#opaque(path);
      this.#hidden.add(path);
      return this.#session.make(root, { path, type: "character", mode: 0, major: 0, minor: 0, mtime: epoch }, options);
    }
    if (made === "other") throw invalidTar("an opaque mark in what is not a directory", path);
    if (made === undefined) {
      this.#made.set(path, "directory");
      this.#hidden.delete(path);
      this.#makeOpaque(path);
      return undefined;
    }
    return this.#opaque(path);
  }

  async finish(): Promise<void> {
    for (const [path, metadata] of this.#directories) {
      const wait = this.#session.set(root, path, metadata, { lenientXattrs: true });
      if (wait !== undefined) await wait;
    }
    await this.#session.flush();
    await this.#session.sync(root);
  }

  #opaque(path: ByteString): Promise<void> | undefined {
    return this.#session.set(root, path, { xattrs: opaque });
  }

  #implyParents(path: ByteString): void {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash) as ByteString;
      if (this.#made.has(parent)) return;
      this.#made.set(parent, "directory");
      // Hidden below, and a directory of this layer after all.
      if (this.#hidden.delete(parent)) this.#makeOpaque(parent);
    }
  }

  /** The launcher makes what is missing of the parents. */
  #makeOpaque(path: ByteString): void {
    void this.#session.make(root, { path, type: "directory", mode: 0o755, owner: { uid: 0, gid: 0 } }, options);
    void this.#opaque(path);
  }

  /** A directory gives way to something else, with all it held. */
  #forget(path: ByteString): void {
    for (const known of [this.#made, this.#directories, this.#hidden]) {
      for (const key of known.keys()) if (key === path || key.startsWith(`${path}/`)) known.delete(key);
    }
  }
}

const options = { replace: true, parents: true, lenientXattrs: true };
const epoch: FileTime = { seconds: 0, nanos: 0 };

function toNewEntry(entry: TarEntry, xattrs: Xattrs): NewEntry {
  if (entry.type === "hardlink") return { path: entry.path, type: "hardlink", target: entry.target };
  return {
    path: entry.path,
    type: entry.type,
    target: entry.target,
    mode: entry.mode,
    owner: entry,
    mtime: entry.mtime,
    xattrs,
    major: entry.major,
    minor: entry.minor,
    size: entry.size,
    segments: entry.segments.map((segment) => ({ ...segment, fd: tar })),
  };
}

function withoutOverlay(xattrs: Xattrs): Xattrs {
  if (xattrs.size === 0) return xattrs;
  return new Map([...xattrs].filter(([name]) => !name.startsWith("trusted.overlay.") && !name.startsWith("user.overlay.")));
}

function splitAcl(xattrs: Xattrs): { readonly now: Xattrs; readonly later: Xattrs | undefined } {
  const name = "system.posix_acl_default" as ByteString;
  const acl = xattrs.get(name);
  if (acl === undefined) return { now: xattrs, later: undefined };
  return { now: new Map([...xattrs].filter(([key]) => key !== name)), later: new Map([[name, acl]]) };
}
