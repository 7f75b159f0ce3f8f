import type { ByteString } from "../core/byte-string.ts";
import { decodeText, encodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import type { OciMount } from "../plan/oci-config.ts";
import type { ContainerTree } from "./container-tree.ts";

/** Where a path leads in a container. */
export interface ResolvedPath {
  /** Beneath the root, without symlinks; `.` is the root. */
  readonly path: ByteString;
  /** Undefined: there is nothing, in a directory that is there. */
  readonly entry: TreeEntry | undefined;
}

/** As the kernel. */
const maxSymlinks = 40;

/**
 * Follows a path as a process in the container would, the last component's symlink only with `followLast` or a slash behind it. The
 * container may change what was found at any time: whoever uses the result looks it up again beneath the root, following nothing.
 * @throws {EngineError} COPY_PATH_NOT_FOUND
 */
export async function resolveInContainer(
  tree: ContainerTree,
  path: string,
  options: { readonly followLast: boolean; readonly container: string },
): Promise<ResolvedPath> {
  const followLast = options.followLast || /\/\.?$/.test(path);
  const queue = encodeText(path).split("/");
  const at: string[] = [];
  let links = 0;
  let last: TreeEntry | undefined;
  while (queue.length > 0) {
    const part = queue.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      last = undefined;
      continue;
    }
    const entry = await stat(tree, [...at, part]);
    const isLast = queue.every((rest) => rest === "" || rest === ".");
    if (entry?.type === "symlink" && (!isLast || followLast)) {
      if (++links > maxSymlinks) throw pathNotFound(options.container, path, "too many symbolic links");
      if (entry.target.startsWith("/")) at.length = 0;
      queue.unshift(...entry.target.split("/"));
      last = undefined;
      continue;
    }
    if (!isLast && entry?.type !== "directory") throw pathNotFound(options.container, path);
    at.push(part);
    last = entry;
    if (entry === undefined) return { path: at.join("/") as ByteString, entry: undefined };
  }
  return { path: at.length === 0 ? ("." as ByteString) : (at.join("/") as ByteString), entry: last ?? (await stat(tree, at)) };
}

async function stat(tree: ContainerTree, at: readonly string[]): Promise<TreeEntry | undefined> {
  try {
    return await tree.session.stat(tree.root, (at.length === 0 ? "." : at.join("/")) as ByteString, { xattrs: false });
  } catch (error) {
    // A symlink where a directory was a moment ago: as if the path had gone.
    if (error instanceof EngineError && error.details["errno"] === "ELOOP") return undefined;
    throw error;
  }
}

/** Docker's words. */
export function pathNotFound(container: string, path: string, why?: string): EngineError {
  return new EngineError({
    kind: "notFound",
    code: "COPY_PATH_NOT_FOUND",
    message: `Could not find the file ${path} in container ${container}${why === undefined ? "" : `: ${why}`}`,
  });
}

/** The mount that a path lies in, as configured; undefined: the root file system itself. */
export function mountOf(tree: ContainerTree, path: ByteString): OciMount | undefined {
  const absolute = `/${path === "." ? "" : path}`;
  const found = tree.mounts.filter(({ destination }) => absolute === destination || absolute.startsWith(`${destination}/`));
  return found.sort((a, b) => b.destination.length - a.destination.length)[0];
}

const kernelTypes: readonly string[] = ["proc", "sysfs", "cgroup", "devpts", "mqueue"];

/**
 * Files in which the kernel speaks have no size, some no end, and some do something when they are read: they are none of the container's.
 * @throws {EngineError} COPY_SOURCE_INVALID
 */
export function refuseKernelFiles(tree: ContainerTree, path: ByteString): void {
  const mount = mountOf(tree, path);
  if (!tree.running || mount === undefined || !kernelTypes.includes(mount.type ?? "") || `/${path}` === mount.destination) return;
  const shown = decodeText(path);
  throw new EngineError({
    kind: "invalidArgument",
    code: "COPY_SOURCE_INVALID",
    message: `\`/${shown}\` is the kernel's (${mount.type}), no file of the container; read it with: wherry exec CONTAINER cat /${shown}`,
  });
}
