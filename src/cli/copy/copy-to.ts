import { lstatSync, realpathSync } from "node:fs";
import { posix } from "node:path";
import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";
import { readChunks } from "../terminal/stdin-reader.ts";
import { type Copied, type CopyFlags, fileError } from "./copy-from.ts";
import { absolutePath, type CopyEnd, type CopyInfo, meansContents, placeCopy, rebase, splitPath } from "./copy-rules.ts";

/** `cp SOURCE CONTAINER:DESTINATION`; the source `-` is a tar on standard input. */
export async function copyTo(context: CliContext, source: string, copy: CopyFlags & { readonly destination: CopyEnd }): Promise<Copied> {
  const { containers } = await context.engine();
  const { container, path } = copy.destination;
  const destination = await containerDestination(context, copy.destination);
  const to = `${container}:${destination.path}`;
  if (source === "-") {
    if (!destination.isDirectory) throw notDirectory(`destination "${container}:${path}" must be a directory`);
    return { bytes: await containers.writeArchive(container, destination.path, readChunks(context.stdinFd)), to };
  }
  const from = localSource(absolutePath(source, process.cwd()), copy.followLink);
  const placement = placeCopy(from, destination);
  const { directory, base } = splitPath(from.path);
  const ownName = from.rebaseName ?? (base === "." ? "" : base);
  const { readLocalArchive } = await import("../../engine/local-files.ts");
  const tar = readLocalArchive({ directory, name: base, archiveName: placement.name ?? ownName });
  try {
    const bytes = await containers.writeArchive(container, placement.directory, tar, { owner: copy.archive ? "archive" : "root" });
    return { bytes, to };
  } catch (error) {
    throw fileError(error);
  }
}

/** A symlink as the destination means what it leads to. What is not there may be made, if its parent is there. */
async function containerDestination(context: CliContext, { container, path }: CopyEnd): Promise<CopyInfo> {
  const { containers } = await context.engine();
  const look = async (at: string) => {
    try {
      return await containers.statPath(container, at);
    } catch (error) {
      if (error instanceof EngineError && error.code === "COPY_PATH_NOT_FOUND") return undefined;
      throw error;
    }
  };
  let at = path;
  let stat = await look(at);
  if (stat?.type === "symlink") {
    at = stat.linkTarget;
    stat = await look(at);
  }
  if (stat === undefined) return { path: at, exists: false, isDirectory: false };
  const isDirectory = stat.type === "directory";
  if (stat.type === "character" || stat.type === "block")
    throw notDirectory(`destination "${container}:${path}" must be a directory or a regular file`);
  return { path: at, exists: true, isDirectory };
}

function localSource(path: string, followLink: boolean): CopyInfo {
  try {
    const resolved = followLink ? rebase(path, realpathSync(path)) : resolveParent(path);
    return { ...resolved, exists: true, isDirectory: lstatSync(resolved.path).isDirectory() };
  } catch (error) {
    throw fileError(error);
  }
}

/** Symlinks on the way are followed; the last component's only with a slash behind it. */
function resolveParent(path: string): { readonly path: string; readonly rebaseName?: string } {
  if (path === "/") return { path };
  if (path.endsWith("/") || meansContents(path)) return rebase(path, realpathSync(path));
  return { path: posix.join(realpathSync(posix.dirname(path)), posix.basename(path)) };
}

function notDirectory(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "COPY_NOT_A_DIRECTORY", message });
}
