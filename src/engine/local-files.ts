import { closeSync, constants, openSync } from "node:fs";
import { findInstallation } from "../core/installation.ts";
import { encodeText } from "../core/byte-string.ts";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import { packTree } from "../layers/pack-tree.ts";
import { readTarStream } from "../archive/tar-stream.ts";
import { unpackTree } from "../layers/unpack-tree.ts";

/**
 * A file of this machine, or a directory with all beneath it, as a tar. `directory` is opened as it is, symlinks followed; `name` in it is
 * not followed, `.` is the directory itself. The entries' names begin with `archiveName` (empty: with none).
 * @throws {EngineError} TREE_FAILED; errors of node:fs for `directory`
 */
export async function* readLocalArchive(source: {
  readonly directory: string;
  readonly name: string;
  readonly archiveName: string;
}): AsyncGenerator<Uint8Array> {
  const fd = openSync(source.directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await using session = new TreeSession(findInstallation().launcher, [fd]);
    yield* packTree({ session, root: treeFd(0), path: encodeText(source.name), name: encodeText(source.archiveName) });
  } finally {
    closeSync(fd);
  }
}

/**
 * Unpacks a container's archive into a directory of this machine. The archive is not trusted: nothing is made outside the directory, no
 * symlink in it is followed. Without `archive` all belongs to the caller, and nothing has set-id bits or file capabilities.
 * @returns the bytes of file content
 * @throws {EngineError} COPY_KIND_CONFLICT, TAR_INVALID, TREE_FAILED; errors of node:fs for the directory
 */
export async function writeLocalArchive(
  tar: AsyncIterable<Uint8Array>,
  target: { readonly directory: string; readonly archive: boolean; readonly rename?: (path: string) => string },
): Promise<number> {
  const fd = openSync(target.directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await using session = new TreeSession(findInstallation().launcher, [fd], { stream: true });
    const { rename } = target;
    return await unpackTree(
      {
        session,
        root: treeFd(1),
        directory: "." as ByteString,
        shownAs: target.directory,
        owner: target.archive ? "archive" : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
        plain: !target.archive,
        follow: false,
        keepKind: true,
        ...(rename === undefined ? {} : { rename: (path) => rename(path) as ByteString }),
      },
      readTarStream(tar),
    );
  } finally {
    closeSync(fd);
  }
}
