import { readFileSync, statSync } from "node:fs";
import { encodeHeader, padding, tarEnd, type TarMember } from "../archive/tar-writer.ts";
import type { ImageId } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import { getImageByReference } from "../state/image-rows.ts";
import { baseReference } from "../core/base-reference.ts";
import { findCoreTools, findStaticBusybox, type HostFile, listApplets } from "./host-programs.ts";
import type { ImageHost } from "./image-host.ts";
import { importImage } from "./import-image.ts";
import { canonicalReference, parseReference } from "./reference.ts";

const passwd = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const group = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n";
const osRelease = 'ID=wherry-base\nNAME="Wherry base"\nPRETTY_NAME="Wherry base image, made from this host\'s programs"\n';

const directories: readonly (readonly [path: string, mode: number])[] = [
  ["bin", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["mnt", 0o755],
  ["opt", 0o755],
  ["proc", 0o555],
  ["root", 0o700],
  ["run", 0o755],
  ["srv", 0o755],
  ["sys", 0o555],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/share", 0o755],
  ["var", 0o755],
  ["var/log", 0o755],
  ["var/tmp", 0o1777],
];

/** hosts, hostname and resolv.conf are there to be mounted over, so that starting writes nothing to the read-write layer. */
const texts: readonly (readonly [path: string, text: string])[] = [
  ["etc/group", group],
  ["etc/hostname", ""],
  ["etc/hosts", ""],
  ["etc/os-release", osRelease],
  ["etc/passwd", passwd],
  ["etc/profile", "export PS1='\\w \\$ '\n"],
  ["etc/resolv.conf", ""],
];

const links: readonly (readonly [path: string, target: string])[] = [
  ["etc/mtab", "/proc/mounts"],
  ["sbin", "bin"],
  ["usr/bin", "../bin"],
  ["usr/sbin", "../bin"],
  ["var/run", "../run"],
];

/**
 * The built-in image `base`: made when it is missing, with no network, from the host's own programs: a static busybox if one is
 * installed, else a shell and core tools with their libraries. The same host programs give the same image. Idempotent.
 * @throws {EngineError} BASE_IMAGE_UNAVAILABLE when the host has neither.
 */
export async function ensureBase(host: ImageHost): Promise<ImageId> {
  const found = getImageByReference(host.store, canonicalReference(parseReference(baseReference)));
  if (found !== undefined) return found.id;
  const programs = findPrograms();
  const newest = Math.max(...programs.files.map(({ source }) => Math.floor(statSync(source).mtimeMs / 1000)));
  return importImage(host, writeArchive(programs, newest), {
    reference: baseReference,
    message: "made from this host's programs",
    createdAt: new Date(newest * 1000).toISOString(),
    changes: ['CMD ["/bin/sh"]', "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  });
}

interface Programs {
  readonly files: readonly HostFile[];
  /** Names in `/bin` that busybox answers to. */
  readonly applets: readonly string[];
}

function findPrograms(): Programs {
  const busybox = findStaticBusybox();
  if (busybox !== undefined) return { files: [{ path: "/bin/busybox", source: busybox }], applets: listApplets(busybox) };
  const files = findCoreTools();
  if (files.some(({ path }) => path === "/bin/sh")) return { files, applets: [] };
  throw new EngineError({
    kind: "failedPrecondition",
    code: "BASE_IMAGE_UNAVAILABLE",
    message: "make image `base`: this host has no shell to make it from; install busybox-static, or import an archive",
  });
}

async function* writeArchive(programs: Programs, seconds: number): AsyncGenerator<Uint8Array> {
  const member = (path: string, type: TarMember["type"], rest: Partial<TarMember>): TarMember => ({
    path: encodeText(path),
    type,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: { seconds, nanos: 0 },
    size: 0,
    ...rest,
  });
  const made = new Set(directories.map(([path]) => path));
  for (const [path, mode] of directories) yield encodeHeader(member(path, "directory", { mode }));
  for (const { path } of programs.files) {
    for (const parent of parentsOf(path.slice(1))) {
      if (made.has(parent)) continue;
      made.add(parent);
      yield encodeHeader(member(parent, "directory", {}));
    }
  }
  for (const { path, source } of programs.files) yield* file(member(path.slice(1), "file", {}), readFileSync(source));
  for (const [path, text] of texts) yield* file(member(path, "file", { mode: 0o644 }), Buffer.from(text));
  for (const applet of programs.applets)
    yield encodeHeader(member(`bin/${applet}`, "symlink", { mode: 0o777, target: encodeText("busybox") }));
  for (const [path, target] of links) {
    // A host program may have asked for a real directory there.
    if (!made.has(path)) yield encodeHeader(member(path, "symlink", { mode: 0o777, target: encodeText(target) }));
  }
  yield tarEnd;
}

function* file(member: TarMember, data: Buffer): Generator<Uint8Array> {
  yield encodeHeader({ ...member, size: data.length });
  yield data;
  yield padding(data.length);
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
