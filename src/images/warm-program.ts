import { arch } from "node:process";
import type { ContainerPath, DiffId } from "../core/brands.ts";
import { readLayeredFiles } from "../layers/lookup.ts";
import type { ImageHost } from "./image-host.ts";
import type { OciImage } from "./oci-image.ts";

/** Of one file; and of all in all layers, whatever an image brings. */
const mostBytes = 4 * 1024 * 1024;
const mostBytesInAll = 64 * 1024 * 1024;
/** Directories of PATH that are looked into. */
const searched = 6;

const loaders: Readonly<Record<string, readonly string[]>> = {
  x64: ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"],
  arm64: ["/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"],
};

/**
 * Reads what a container of the image reads first: its program, that program's loader and C library, the accounts. A layer that is not unpacked
 * comes from the disk, not from the pages that were just written (they would be in memory twice); the first start would wait for it, some ten
 * milliseconds. What can't be found or read is left to that start.
 */
export function warmProgram(host: ImageHost, image: Pick<OciImage, "config">, diffIds: readonly DiffId[]): void {
  const { Entrypoint, Cmd, Env } = image.config ?? {};
  const program = Entrypoint?.[0] ?? Cmd?.[0] ?? "/bin/sh";
  const paths = [...whereIs(program, Env ?? []), ...(loaders[arch] ?? []), "/etc/ld.so.cache", "/etc/passwd", "/etc/group"];
  try {
    const stack = host.layers.lowers(diffIds);
    if (stack.length === 0) return;
    const limitBytes = Math.min(mostBytes, Math.floor(mostBytesInAll / (stack.length * paths.length)));
    readLayeredFiles(host.launcher, stack, paths as ContainerPath[], { limitBytes });
  } catch {
    // The image is stored; somebody may have removed it again.
  }
}

function whereIs(program: string, environment: readonly string[]): readonly string[] {
  if (program.includes("\0")) return [];
  if (program.includes("/")) return [program];
  const path = environment.find((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/bin:/bin";
  return path
    .split(":", searched)
    .filter((directory) => directory.startsWith("/") && !directory.includes("\0"))
    .map((directory) => `${directory}/${program}`);
}
