import { closeSync, constants, openSync, writeSync } from "node:fs";
import { encodeHeader, padding, tarEnd, type TarMember } from "../archive/tar-writer.ts";
import { hidingPath, opaquePath } from "../archive/whiteout.ts";
import type { HostPath } from "../core/brands.ts";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { portableXattrs } from "./container-ids.ts";
import type { IdShift, LayerChange, LayerStack } from "./diff.ts";

const upper = treeFd(0);
const output = treeFd(1);

/**
 * Writes the changes as an OCI layer: whiteouts, opaque marks, hard links, owners, xattrs and nanosecond times. File data goes from
 * the read-write layer to the new file `tarPath` within the kernel. Sockets are left out, as a tar has no word for them.
 * @throws {EngineError} TREE_FAILED
 */
export async function writeLayerTar(
  launcher: string,
  stack: LayerStack,
  options: { readonly changes: readonly LayerChange[]; readonly tarPath: HostPath },
): Promise<void> {
  const upperFd = openSync(stack.upper, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const tarFd = openSync(options.tarPath, "wx+", 0o600);
    try {
      await using session = new TreeSession(launcher, [upperFd, tarFd]);
      await writeMembers(session, tarFd, { changes: options.changes, shift: stack.uidShift });
      await session.flush();
    } finally {
      closeSync(tarFd);
    }
  } finally {
    closeSync(upperFd);
  }
}

async function writeMembers(
  session: TreeSession,
  tarFd: number,
  layer: { readonly changes: readonly LayerChange[]; readonly shift: IdShift | undefined },
): Promise<void> {
  /** Of files with several names: the first one written. */
  const firstNames = new Map<string, ByteString>();
  let position = 0;
  const put = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(tarFd, bytes, at, bytes.length - at, position + at);
    position += bytes.length;
  };
  for (const change of layer.changes) {
    if (change.kind === "deleted") {
      if (!change.implied) put(encodeHeader(mark(hidingPath(change.path))));
      continue;
    }
    const member = toMember(change.entry, layer.shift, firstNames);
    if (member === undefined) continue;
    put(encodeHeader(member));
    if (change.opaque) put(encodeHeader(mark(opaquePath(change.path))));
    if (member.size === 0) continue;
    const wait = session.copy(upper, change.path, { fd: output, offset: position, length: member.size });
    position += member.size;
    put(padding(member.size));
    if (wait !== undefined) await wait;
  }
  put(tarEnd);
}

function mark(path: ByteString): TarMember {
  return { path, type: "file", mode: 0, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 }, size: 0 };
}

function toMember(entry: TreeEntry, shift: IdShift | undefined, firstNames: Map<string, ByteString>): TarMember | undefined {
  const { type } = entry;
  if (type === "socket") return undefined;
  const { path, mode, uid, gid, mtime, major, minor, target } = entry;
  const common = { path, mode, uid, gid, mtime, major, minor, xattrs: portableXattrs(entry.xattrs, shift) };
  if (type !== "directory" && entry.links > 1) {
    const inode = `${entry.device}:${entry.inode}`;
    const first = firstNames.get(inode);
    if (first !== undefined) return { ...common, type: "hardlink", target: first, size: 0, xattrs: new Map() };
    firstNames.set(inode, path);
  }
  return { ...common, type, target, size: type === "file" ? entry.size : 0 };
}
