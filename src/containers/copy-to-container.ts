import { detectCompression, decompress } from "../archive/compression.ts";
import { readTarStream } from "../archive/tar-stream.ts";
import { decodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { layerTooLarge, maxLayerBytes } from "../images/layer-limit.ts";
import { unpackTree } from "../layers/unpack-tree.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { mountOf, pathNotFound, refuseKernelFiles, type ResolvedPath, resolveInContainer } from "./container-path.ts";
import { type ContainerTree, openContainerTree } from "./container-tree.ts";

export interface WriteArchiveOptions {
  /** "archive" (the default): owners as the archive has them; "root": all belongs to the container's root. */
  readonly owner?: "archive" | "root";
  /** A directory and what is none may replace each other. */
  readonly overwriteKind?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks an archive (compressed or not) into a directory of the container, which must be there. Symlinks lead nowhere but into the container.
 * @returns the bytes of file content
 * @throws {EngineError} COPY_PATH_NOT_FOUND, COPY_NOT_A_DIRECTORY, COPY_READ_ONLY, COPY_KIND_CONFLICT, TAR_INVALID, NO_SPACE
 */
export async function writeContainerArchive(
  host: ContainerHost,
  row: ContainerRow,
  archive: { readonly path: string; readonly tar: AsyncIterable<Uint8Array>; readonly options?: WriteArchiveOptions },
): Promise<number> {
  const { path, tar, options = {} } = archive;
  await using tree = await openContainerTree(host, row);
  const resolved = await resolveInContainer(tree, path, { followLast: true, container: row.name });
  checkDestination(tree, row, { path, resolved });
  faultPoint("copy-begins");
  try {
    return await unpackTree(
      {
        session: tree.session,
        root: tree.root,
        directory: resolved.path,
        shownAs: `/${resolved.path === "." ? "" : decodeText(resolved.path)}`,
        owner: options.owner === "root" ? { uid: 0, gid: 0 } : "archive",
        plain: false,
        follow: true,
        keepKind: options.overwriteKind !== true,
        ...(tree.shift === undefined ? {} : { shift: tree.shift }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      readTarStream(plainTar(tar)),
    );
  } catch (error) {
    throw error instanceof EngineError && error.details["errno"] === "EROFS" ? readOnly("container rootfs is marked read-only") : error;
  }
}

function checkDestination(
  tree: ContainerTree,
  row: ContainerRow,
  { path, resolved }: { readonly path: string; readonly resolved: ResolvedPath },
): void {
  if (resolved.entry === undefined) throw pathNotFound(row.name, path);
  refuseKernelFiles(tree, resolved.path);
  if (resolved.entry.type !== "directory")
    throw new EngineError({ kind: "invalidArgument", code: "COPY_NOT_A_DIRECTORY", message: "extraction point is not a directory" });
  const mount = mountOf(tree, resolved.path);
  // What is a memory file system while it runs, is a directory of the root file system while it doesn't.
  const covers = mount !== undefined && (mount.type === "bind" || mount.type === "overlay" || tree.running);
  if (covers && mount.options?.some((option) => option === "ro" || option === "rro") === true)
    throw readOnly("mounted volume is marked read-only");
  const { readonlyRootfs } = JSON.parse(row.options) as ContainerOptions;
  if (!covers && readonlyRootfs === true) throw readOnly("container rootfs is marked read-only");
}

function readOnly(message: string): EngineError {
  return new EngineError({ kind: "forbidden", code: "COPY_READ_ONLY", message });
}

/** The archive without its compression, which its first bytes tell. */
async function* plainTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = archive[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 8) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  const compression = detectCompression(head);
  if (compression === "none") {
    yield* all();
    return;
  }
  const limitBytes = maxLayerBytes();
  let bytes = 0;
  for await (const chunk of decompress(compression, all())) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw layerTooLarge(limitBytes);
    yield chunk;
  }
}
