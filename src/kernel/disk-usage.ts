import { closeSync, constants, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { TreeSession } from "./tree-client.ts";
import { treeFd } from "./tree-records.ts";
import type { TreeEntry } from "./tree-replies.ts";

/**
 * Bytes that each of these files and directories takes on the disk, or what else `measure` says of an entry; a file with several names counts
 * for the first path that has it. Mounts beneath are not entered. What is not there, or is removed meanwhile, counts for nothing.
 */
export async function diskUsage(
  launcher: string,
  paths: readonly HostPath[],
  measure: (entry: TreeEntry) => number = ({ allocatedBytes }) => allocatedBytes,
): Promise<Map<HostPath, number>> {
  const usage = new Map<HostPath, number>();
  const parents = openParents(paths);
  try {
    await using session = new TreeSession(
      launcher,
      [...parents.values()].map(({ fd }) => fd),
    );
    const seen = new Set<string>();
    for (const path of paths) {
      let bytes = 0;
      const count = (entry: TreeEntry): void => {
        const inode = `${entry.device}:${entry.inode}`;
        if (seen.has(inode)) return;
        if (entry.type !== "directory" && entry.links > 1) seen.add(inode);
        bytes += measure(entry);
      };
      const { directory, name } = split(path);
      const index = parents.get(directory)?.index;
      const top = index === undefined ? undefined : await session.stat(treeFd(index), encodeText(name));
      if (top !== undefined && index !== undefined) {
        count(top);
        if (top.type === "directory") await session.walk(treeFd(index), encodeText(name), count, { missingOk: true });
      }
      usage.set(path, bytes);
    }
  } finally {
    for (const { fd } of parents.values()) closeSync(fd);
  }
  return usage;
}

function openParents(paths: readonly HostPath[]): Map<string, { readonly fd: number; readonly index: number }> {
  const parents = new Map<string, { readonly fd: number; readonly index: number }>();
  for (const path of paths) {
    const { directory } = split(path);
    if (parents.has(directory)) continue;
    try {
      parents.set(directory, { fd: openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY), index: parents.size });
    } catch {
      // Not there: nor is what would be in it.
    }
  }
  return parents;
}

function split(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { directory: path.slice(0, slash), name: path.slice(slash + 1) };
}
