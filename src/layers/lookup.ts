import { closeSync, constants, openSync } from "node:fs";
import type { ContainerPath, HostPath } from "../core/brands.ts";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { callTree } from "../kernel/tree-call.ts";
import { frameTypes, RecordWriter, recordCodes, recordFlags, treeFd } from "../kernel/tree-records.ts";
import { decodeEntry, type TreeEntry } from "../kernel/tree-replies.ts";

const usualLimitBytes = 1024 * 1024;
const maxSymlinks = 40;

/** A path as one layer of the stack has it. */
interface LayerView {
  readonly entry: TreeEntry | undefined;
  readonly data: Buffer;
}

/**
 * Reads regular files (at most `limitBytes` of each, 1 MiB by default) as overlayfs would show them with these directories stacked (read-write layer first,
 * then lowers, top first), without mounting: whiteouts, opaque directories and symlinks are honoured. Undefined for what is not
 * there. One call of the launcher (about 1 ms), another for each symlink met.
 * @throws {EngineError} TREE_FAILED
 */
export function readLayeredFiles(
  launcher: string,
  stack: readonly HostPath[],
  paths: readonly ContainerPath[],
  { limitBytes = usualLimitBytes }: { readonly limitBytes?: number } = {},
): (Buffer | undefined)[] {
  const descriptors: number[] = [];
  try {
    for (const directory of stack) descriptors.push(openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY));
    const found: (Buffer | undefined)[] = paths.map(() => undefined);
    let pending = paths.map((path, index) => ({ index, path: clean(encodeText(path)) }));
    for (let round = 0; pending.length > 0 && round < maxSymlinks; round++) {
      const views = look(
        launcher,
        { descriptors, limitBytes },
        pending.map(({ path }) => path),
      );
      const next: typeof pending = [];
      for (const { index, path } of pending) {
        const result = resolve(path, (prefix, layer) => views.get(prefix)?.[layer], descriptors.length);
        if (result.kind === "file") found[index] = result.data;
        else if (result.kind === "symlink") next.push({ index, path: result.path });
      }
      pending = next;
    }
    return found;
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

export function readLayeredFile(launcher: string, stack: readonly HostPath[], path: ContainerPath): Buffer | undefined {
  return readLayeredFiles(launcher, stack, [path])[0];
}

/** All components of all paths in all layers, in one batch. */
function look(
  launcher: string,
  { descriptors, limitBytes }: { readonly descriptors: readonly number[]; readonly limitBytes: number },
  paths: readonly ByteString[],
): Map<ByteString, LayerView[]> {
  const asked = new Set(paths.flatMap(prefixes));
  const whole = new Set(paths);
  const writer = new RecordWriter();
  for (const path of asked) {
    for (let layer = 0; layer < descriptors.length; layer++) {
      writer.named(recordCodes.stat, treeFd(layer), path, recordFlags.missing);
      if (whole.has(path)) writer.read(treeFd(layer), path, limitBytes, recordFlags.missing);
    }
  }
  const frames = callTree(launcher, descriptors, writer).values();
  const views = new Map<ByteString, LayerView[]>();
  for (const path of asked) {
    const view: LayerView[] = [];
    for (let layer = 0; layer < descriptors.length; layer++) {
      const stat = frames.next().value;
      const entry = stat?.type === frameTypes.entry ? decodeEntry(stat.payload) : undefined;
      const chunks: Buffer[] = [];
      if (whole.has(path)) {
        for (let frame = frames.next().value; frame?.type === frameTypes.data; frame = frames.next().value) chunks.push(frame.payload);
      }
      view.push({ entry, data: Buffer.concat(chunks) });
    }
    views.set(path, view);
  }
  return views;
}

type Resolved =
  | { readonly kind: "file"; readonly data: Buffer }
  | { readonly kind: "symlink"; readonly path: ByteString }
  | { readonly kind: "missing" };

/** Walks the components through those layers in which the directory so far is merged. */
function resolve(path: ByteString, view: (prefix: ByteString, layer: number) => LayerView | undefined, layers: number): Resolved {
  let merged = Array.from({ length: layers }, (_, layer) => layer);
  for (const prefix of prefixes(path)) {
    const next: number[] = [];
    for (const layer of merged) {
      const { entry, data } = view(prefix, layer) ?? { entry: undefined, data: Buffer.alloc(0) };
      if (entry === undefined) continue;
      if (entry.type !== "directory") {
        if (next.length > 0 || isWhiteout(entry)) break;
        if (entry.type === "symlink") return { kind: "symlink", path: redirect(path, prefix, entry.target) };
        return prefix === path && entry.type === "file" ? { kind: "file", data } : { kind: "missing" };
      }
      next.push(layer);
      if (entry.xattrs.get("trusted.overlay.opaque" as ByteString) === "y") break;
    }
    merged = next;
  }
  return { kind: "missing" };
}

export function isWhiteout(entry: TreeEntry): boolean {
  return entry.type === "character" && entry.major === 0 && entry.minor === 0;
}

function prefixes(path: ByteString): ByteString[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/") as ByteString);
}

/** `path` with the symlink `prefix` replaced by where it leads. */
function redirect(path: ByteString, prefix: ByteString, target: ByteString): ByteString {
  const parent = target.startsWith("/") ? "" : prefix.slice(0, prefix.lastIndexOf("/") + 1);
  return clean(`${parent}${target}/${path.slice(prefix.length)}` as ByteString);
}

/** `..` stops at the root, as in a chroot. */
function clean(path: ByteString): ByteString {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/") as ByteString;
}
