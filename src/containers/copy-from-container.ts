import { type ByteString, encodeText, decodeText } from "../core/byte-string.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { packTree } from "../layers/pack-tree.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { pathNotFound, refuseKernelFiles, type ResolvedPath, resolveInContainer } from "./container-path.ts";
import { type ContainerTree, openContainerTree } from "./container-tree.ts";
import type { ContainerPathStat } from "./container-view.ts";

/**
 * What a path in the container is; a symlink is told as such, with where it leads in the end.
 * @throws {EngineError} COPY_PATH_NOT_FOUND, COPY_SOURCE_INVALID
 */
export async function statContainerPath(host: ContainerHost, row: ContainerRow, path: string): Promise<ContainerPathStat> {
  await using tree = await openContainerTree(host, row);
  return (await look(tree, row, path)).stat;
}

/** A container's tree as an archive: to be read to its end, or its iterator returned, lest the container stay claimed. */
export interface ContainerArchive {
  readonly stat: ContainerPathStat;
  readonly tar: AsyncIterable<Uint8Array>;
}

/**
 * A file, or a directory with all beneath it, as a tar whose entries begin with the path's last component (`/dir/.`: with none). Mounts are
 * entered. @throws {EngineError} COPY_PATH_NOT_FOUND, COPY_SOURCE_INVALID
 */
export async function readContainerArchive(host: ContainerHost, row: ContainerRow, path: string): Promise<ContainerArchive> {
  const tree = await openContainerTree(host, row);
  try {
    const { stat, resolved } = await look(tree, row, path);
    return { stat, tar: pack(tree, resolved.path, archiveName(path)) };
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

async function* pack(tree: ContainerTree, path: ByteString, name: ByteString): AsyncGenerator<Uint8Array> {
  await using open = tree;
  const { session, root, shift } = open;
  yield* packTree({ session, root, path, name, ...(shift === undefined ? {} : { shift }) });
}

async function look(
  tree: ContainerTree,
  row: ContainerRow,
  path: string,
): Promise<{ readonly stat: ContainerPathStat; readonly resolved: ResolvedPath }> {
  const resolved = await resolveInContainer(tree, path, { followLast: false, container: row.name });
  const { entry } = resolved;
  if (entry === undefined || (/\/\.?$/.test(path) && entry.type !== "directory")) throw pathNotFound(row.name, path);
  refuseKernelFiles(tree, resolved.path);
  const linkTarget = entry.type === "symlink" ? await target(tree, row, path) : "";
  return { resolved, stat: toStat(entry, path, linkTarget) };
}

/** A dangling one leads where it says. */
async function target(tree: ContainerTree, row: ContainerRow, path: string): Promise<string> {
  const end = await resolveInContainer(tree, path, { followLast: true, container: row.name });
  return `/${end.path === "." ? "" : decodeText(end.path)}`;
}

function toStat({ type, mode, size, mtime }: TreeEntry, path: string, linkTarget: string): ContainerPathStat {
  return { name: decodeText(baseName(path)), type, mode, sizeBytes: size, modifiedAt: mtime, linkTarget };
}

/** The name of the archive's first entry: of `/dir/.` it is empty, as of `/`. */
function archiveName(path: string): ByteString {
  return /(^|\/)\.$/.test(path) ? ("" as ByteString) : baseName(path);
}

function baseName(path: string): ByteString {
  return encodeText(path.split("/").findLast((part) => part !== "" && part !== ".") ?? "");
}
