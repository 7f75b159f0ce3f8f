import { closeSync, constants, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { unshift } from "./container-ids.ts";
import { isWhiteout } from "./lookup.ts";
import { isMountPoint } from "./mount-points.ts";

/** The directories of an overlay, unmounted: its read-write layer and its lowers, top first. */
export interface LayerStack {
  readonly upper: HostPath;
  readonly lowers: readonly HostPath[];
  /** Ids from `from` on in the read-write layer are the container's from 0 on. */
  readonly uidShift?: IdShift;
}

export interface IdShift {
  readonly from: number;
  readonly count: number;
}

export type LayerChange =
  | {
      readonly kind: "added" | "changed";
      /** Relative to the root. */
      readonly path: ByteString;
      /** As the container sees it. */
      readonly entry: TreeEntry;
      /** Nothing of the layers below shows in this directory. */
      readonly opaque: boolean;
      /** A directory that differs from the one below in its time at most. */
      readonly timeOnly: boolean;
    }
  | {
      readonly kind: "deleted";
      readonly path: ByteString;
      /** By an opaque directory above it, which says so already. */
      readonly implied: boolean;
    };

const opaqueName = "trusted.overlay.opaque" as ByteString;

/** Opens the directories of a stack, the read-write layer first. They are the caller's to close, also after a failure: `into` has them. */
export function openStack({ upper, lowers }: LayerStack, into: number[]): void {
  for (const directory of [upper, ...lowers]) into.push(openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY));
}

/**
 * What the read-write layer changes of the layers below, sorted by path with directories before what they hold. A directory
 * is listed when it differs itself or holds a change. The mount points that Wherry makes are no change. The result is of the
 * moment: pause what writes.
 * @throws {EngineError} TREE_FAILED
 */
export async function diffLayers(launcher: string, stack: LayerStack): Promise<readonly LayerChange[]> {
  const descriptors: number[] = [];
  try {
    openStack(stack, descriptors);
    await using session = new TreeSession(launcher, descriptors);
    return await compareLayers(session, stack, { newFiles: true });
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/**
 * The same in a session whose first descriptors are those of `openStack`. Without `newFiles`, files that the layers below don't have are told
 * to have `changed`, too: nothing is looked up for them.
 * @throws {EngineError} TREE_FAILED
 */
export function compareLayers(
  session: TreeSession,
  stack: LayerStack,
  options: { readonly newFiles: boolean },
): Promise<readonly LayerChange[]> {
  return new Comparison(session, stack, options.newFiles).run();
}

class Comparison {
  readonly #session: TreeSession;
  readonly #stack: LayerStack;
  readonly #newFiles: boolean;
  /** Of each directory of the read-write layer: the lowers, top first, that are merged in it. */
  readonly #merged = new Map<ByteString, readonly number[]>();

  /** Directories that differ from the one below in their time at most. */
  readonly #likeBelow = new Set<ByteString>();

  constructor(session: TreeSession, stack: LayerStack, newFiles: boolean) {
    this.#session = session;
    this.#stack = stack;
    this.#newFiles = newFiles;
    this.#merged.set(
      "" as ByteString,
      stack.lowers.map((_, index) => index),
    );
  }

  async run(): Promise<LayerChange[]> {
    const walked: TreeEntry[] = [];
    await this.#session.walk(treeFd(0), "." as ByteString, (entry) => walked.push(unshift(entry, this.#stack.uidShift)));
    const levels: TreeEntry[][] = [];
    for (const entry of walked) (levels[depthOf(entry.path)] ??= []).push(entry);
    const changes = new Map<ByteString, LayerChange>();
    const unchanged = new Map<ByteString, LayerChange>();
    for (const level of levels) {
      const below = await this.#lookBelow(level);
      for (const [index, entry] of level.entries()) {
        const { path } = entry;
        const lower = below[index];
        if (isWhiteout(entry)) {
          // One that hides nothing is what removing a new file leaves in a directory that was merged.
          if (lower !== undefined) changes.set(path, { kind: "deleted", path, implied: false });
          continue;
        }
        const opaque = entry.type === "directory" && entry.xattrs.get(opaqueName) === "y";
        const like = lower?.type === "directory" && !opaque && sameDirectory(entry, lower);
        const kind = lower === undefined && this.#isLookedUp(entry) ? "added" : "changed";
        const change: LayerChange = { kind, path, entry, opaque: opaque && lower !== undefined, timeOnly: like };
        if (like) this.#likeBelow.add(path);
        const same = like && entry.mtime.seconds === lower.mtime.seconds && entry.mtime.nanos === lower.mtime.nanos;
        (same ? unchanged : changes).set(path, change);
      }
    }
    this.#dropMountPoints(changes, levels);
    for (const path of Array.from(changes.keys())) addParents(path, changes, unchanged);
    const found = changes.size;
    await this.#addHidden(changes, walked);
    // The walk came by them in the order that is wanted.
    if (changes.size === found) return walked.flatMap(({ path }) => changes.get(path) ?? []);
    const keyed = [...changes.values()].map((change) => ({ change, key: sortKey(change.path) }));
    return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ change }) => change);
  }

  /** Whether it matters what the layers below have there. Of a file of ours it does: it is left out only if they have none. */
  #isLookedUp(entry: TreeEntry): boolean {
    return this.#newFiles || entry.type === "directory" || isWhiteout(entry) || isMountPoint(entry.path);
  }

  /** What the layers below show at the paths of one level; also notes which of them are merged in its directories. */
  async #lookBelow(level: readonly TreeEntry[]): Promise<(TreeEntry | undefined)[]> {
    const candidates = level.map((entry) => (this.#isLookedUp(entry) ? (this.#merged.get(parentOf(entry.path)) ?? noLayers) : noLayers));
    const queries = level.flatMap((entry, index) =>
      // Whether a file differs is not looked at: that it was copied up is enough.
      (candidates[index] ?? []).map((layer) => ({ root: treeFd(1 + layer), path: entry.path, xattrs: entry.type === "directory" })),
    );
    const found = (await this.#session.statMany(queries)).values();
    return level.map((entry, index) => {
      if (candidates[index]?.length === 0 && entry.type !== "directory") return undefined;
      const entries = (candidates[index] ?? []).map((layer) => ({ layer, lower: found.next().value }));
      const visible = entries.filter(({ lower }) => lower !== undefined);
      const first = visible[0]?.lower;
      if (entry.type === "directory") {
        const opaque = entry.xattrs.get(opaqueName) === "y";
        this.#merged.set(entry.path, opaque ? [] : mergedLayers(visible));
      }
      return first === undefined || isWhiteout(first) ? undefined : first;
    });
  }

  /** An opaque directory hides names that have no whiteout of their own. */
  async #addHidden(changes: Map<ByteString, LayerChange>, walked: readonly TreeEntry[]): Promise<void> {
    const opaque = [...changes.values()].filter((change) => change.kind !== "deleted" && change.opaque);
    const present = new Set(opaque.length === 0 ? [] : walked.map((entry) => entry.path));
    for (const change of opaque) {
      for (const name of await this.#namesBelow(change.path)) {
        const path = `${change.path}/${name}` as ByteString;
        if (!present.has(path)) changes.set(path, { kind: "deleted", path, implied: true });
      }
    }
  }

  /** The names that the layers below show in a directory. */
  async #namesBelow(directory: ByteString): Promise<Set<string>> {
    const names = new Set<string>();
    const hidden = new Set<string>();
    for (const layer of this.#stack.lowers.keys()) {
      const prefixes = directory.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/") as ByteString);
      const line = await this.#session.statMany(prefixes.map((path) => ({ root: treeFd(1 + layer), path })));
      if (line.every((entry) => entry?.type === "directory")) {
        await this.#session.walk(treeFd(1 + layer), directory, (entry) => {
          if (entry.path.includes("/")) return;
          if (isWhiteout(entry)) hidden.add(entry.path);
          else if (!hidden.has(entry.path)) names.add(entry.path);
        });
      }
      if (line.some((entry) => entry !== undefined && (entry.type !== "directory" || entry.xattrs.get(opaqueName) === "y"))) break;
    }
    return names;
  }

  /** Mount points of ours that are still empty, and directories that are listed only because of them. */
  #dropMountPoints(changes: Map<ByteString, LayerChange>, levels: readonly (readonly TreeEntry[])[]): void {
    const dropped: ByteString[] = [];
    for (const level of [...levels].reverse()) {
      for (const { path } of level) {
        const change = changes.get(path);
        if (change === undefined || change.kind === "deleted") continue;
        const { entry } = change;
        if (!isMountPoint(path) && !dropped.some((other) => parentOf(other) === path)) continue;
        const holdsNothing = entry.type === "directory" ? !hasChild(path, changes) : entry.type === "file" && entry.size === 0;
        // Ours, or the parent of what is: made by us too, or there before and touched by it.
        if (holdsNothing && (change.kind === "added" || this.#likeBelow.has(path))) {
          changes.delete(path);
          dropped.push(path);
        }
      }
    }
  }
}

function mergedLayers(visible: readonly { readonly layer: number; readonly lower: TreeEntry | undefined }[]): number[] {
  const layers: number[] = [];
  for (const { layer, lower } of visible) {
    if (lower?.type !== "directory") break;
    layers.push(layer);
    if (lower.xattrs.get(opaqueName) === "y") break;
  }
  return layers;
}

function addParents(path: ByteString, changes: Map<ByteString, LayerChange>, unchanged: ReadonlyMap<ByteString, LayerChange>): void {
  // One that is listed already has its own listed as well, or will have.
  for (let parent = parentOf(path); parent !== "" && !changes.has(parent); parent = parentOf(parent)) {
    const change = unchanged.get(parent);
    if (change !== undefined) changes.set(parent, change);
  }
}

function hasChild(path: ByteString, changes: ReadonlyMap<ByteString, LayerChange>): boolean {
  for (const other of changes.keys()) if (other.startsWith(`${path}/`)) return true;
  return false;
}

function sameDirectory(a: TreeEntry, b: TreeEntry): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && sameXattrs(a, b);
}

function sameXattrs(a: TreeEntry, b: TreeEntry): boolean {
  const relevant = (entry: TreeEntry) => [...entry.xattrs].filter(([name]) => !name.startsWith("trusted.overlay."));
  return relevant(a).length === relevant(b).length && relevant(a).every(([name, value]) => b.xattrs.get(name) === value);
}

const noLayers: readonly number[] = [];

function depthOf(path: ByteString): number {
  let depth = 0;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) depth++;
  return depth;
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}

/** Makes a directory's contents follow it at once, before `directory-other`. */
function sortKey(path: ByteString): string {
  return path.replaceAll("/", "\0");
}
