import { type ByteString } from "../core/byte-string.ts";
import type { TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { isWhiteout } from "./lookup.ts";

/** A directory as a stack of layers shows it. */
export interface MergedDirectory {
  /** Without leading slash, after symlinks; empty for the root. */
  readonly path: ByteString;
  /** Its metadata, of the topmost layer that has it. */
  readonly entry: TreeEntry;
  /** The layers (indexes of the stack, top first) whose directories at `path` are merged. */
  readonly layers: readonly number[];
}

export interface MergedEntry {
  /** `path` is relative to the merged directory. */
  readonly entry: TreeEntry;
  readonly layer: number;
}

const maxSymlinks = 40;
const opaqueName = "trusted.overlay.opaque" as ByteString;

/**
 * Finds a directory as overlayfs would show it with `count` layers stacked: the first descriptors of the session, top first. Whiteouts,
 * opaque directories and symlinks are honoured; a symlink leads nowhere but into the stack. Undefined for what is not there or is no directory.
 * @throws {EngineError} TREE_FAILED
 */
export async function findMergedDirectory(session: TreeSession, count: number, path: ByteString): Promise<MergedDirectory | undefined> {
  let wanted: readonly string[] = components(path);
  for (let links = 0; links <= maxSymlinks; links++) {
    const found = await descend(session, count, wanted);
    if (found === undefined || !("redirect" in found)) return found;
    wanted = found.redirect;
  }
  return undefined;
}

async function descend(
  session: TreeSession,
  count: number,
  wanted: readonly string[],
): Promise<MergedDirectory | { readonly redirect: readonly string[] } | undefined> {
  let layers = Array.from({ length: count }, (_, index) => index);
  let at: MergedDirectory | undefined;
  for (let depth = 0; depth <= wanted.length; depth++) {
    const path = wanted.slice(0, depth).join("/") as ByteString;
    const entries = await session.statMany(
      layers.map((layer) => ({ root: treeFd(layer), path: path === "" ? ("." as ByteString) : path })),
    );
    const merged: number[] = [];
    let top: TreeEntry | undefined;
    for (const [index, entry] of entries.entries()) {
      if (entry === undefined) continue;
      if (entry.type !== "directory") {
        if (top !== undefined || isWhiteout(entry) || entry.type !== "symlink") break;
        return { redirect: redirect(wanted, depth, entry.target) };
      }
      top ??= entry;
      merged.push(layers[index] ?? 0);
      if (isOpaque(entry)) break;
    }
    if (top === undefined) return undefined;
    layers = merged;
    at = { path, entry: top, layers };
  }
  return at;
}

/** `..` stops at the root, as in a chroot. */
function components(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

function redirect(wanted: readonly string[], depth: number, target: ByteString): string[] {
  const parent = target.startsWith("/") ? [] : wanted.slice(0, depth - 1);
  return components([...parent, target, ...wanted.slice(depth)].join("/"));
}

/** All beneath a merged directory, parents before what they hold. */
export async function listMerged(session: TreeSession, directory: MergedDirectory): Promise<MergedEntry[]> {
  const merge = new Merge();
  for (const layer of directory.layers) {
    merge.beginLayer();
    await session.walk(treeFd(layer), directory.path === "" ? ("." as ByteString) : directory.path, (entry) => merge.add(entry, layer));
  }
  return merge.entries();
}

/** Layers one after the other, top first; in each, directories before what they hold. */
class Merge {
  readonly #seen = new Map<string, { readonly found: MergedEntry; closed: boolean }>();
  /** Become closed when the layer that says so has been walked: what it holds itself shows. */
  #closing: { closed: boolean }[] = [];
  /** Directories of this layer that don't show. */
  #hidden = new Set<string>();

  beginLayer(): void {
    for (const state of this.#closing) state.closed = true;
    this.#closing = [];
    this.#hidden = new Set();
  }

  add(entry: TreeEntry, layer: number): void {
    const { path } = entry;
    const above = this.#seen.get(path);
    if (above?.closed === true || this.#hidden.has(path.slice(0, Math.max(path.lastIndexOf("/"), 0)))) {
      if (entry.type === "directory") this.#hidden.add(path);
      return;
    }
    const state = above ?? { found: { entry, layer }, closed: false };
    this.#seen.set(path, state);
    // Also a file beneath a directory of a higher layer: it hides what lies under both.
    if (entry.type !== "directory" || isOpaque(entry)) this.#closing.push(state);
  }

  /** By path: a directory that lower layers add to was seen long before what they add. */
  entries(): MergedEntry[] {
    const shown = [...this.#seen.values()].map(({ found }) => found).filter(({ entry }) => !isWhiteout(entry));
    return shown.sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  }
}

function isOpaque(entry: TreeEntry): boolean {
  return entry.xattrs.get(opaqueName) === "y";
}
