import { lstatSync, readlinkSync, statSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { encodeText } from "../../core/byte-string.ts";
import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";
import { absolutePath, type CopyInfo, type CopyEnd, placeCopy, rebase, renameFirst, splitPath } from "./copy-rules.ts";

export interface CopyFlags {
  readonly archive: boolean;
  readonly followLink: boolean;
}

/** What was copied, for the last line. */
export interface Copied {
  readonly bytes: number;
  readonly to: string;
}

/** `cp CONTAINER:SOURCE DESTINATION`; the destination `-` is a tar on standard output. */
export async function copyFrom(context: CliContext, source: CopyEnd, copy: CopyFlags & { readonly destination: string }): Promise<Copied> {
  const { containers } = await context.engine();
  const { destination } = copy;
  if (destination !== "-") checkOutputPath(destination);
  const from = copy.followLink ? await followLink(context, source) : { path: source.path };
  const { stat, tar } = await containers.readArchive(source.container, from.path);
  if (destination === "-") {
    let bytes = 0;
    for await (const chunk of tar) {
      bytes += chunk.length;
      await context.stdout.write(chunk);
      if (context.stdout.readerLeft) break;
    }
    return { bytes, to: destination };
  }
  const iterator = tar[Symbol.asyncIterator]();
  try {
    const path = absolutePath(destination, process.cwd());
    const info: CopyInfo = { ...from, exists: true, isDirectory: stat.type === "directory" };
    const placement = placeCopy(info, localDestination(path));
    const { base } = splitPath(from.path);
    const first = base === "." ? "" : base;
    const name = placement.name ?? from.rebaseName;
    const { writeLocalArchive } = await import("../../engine/local-files.ts");
    const bytes = await writeLocalArchive(
      { [Symbol.asyncIterator]: () => iterator },
      {
        directory: placement.directory,
        archive: copy.archive,
        ...(name === undefined ? {} : { rename: renameFirst(encodeText(first), encodeText(name)) }),
      },
    );
    return { bytes, to: path };
  } catch (error) {
    throw fileError(error);
  } finally {
    await iterator.return?.();
  }
}

async function followLink(context: CliContext, source: CopyEnd): Promise<{ readonly path: string; readonly rebaseName?: string }> {
  const { containers } = await context.engine();
  const { type, linkTarget } = await containers.statPath(source.container, source.path);
  return type === "symlink" ? rebase(source.path, linkTarget) : { path: source.path };
}

/** The parent must be there, as docker checks it before anything else. */
function checkOutputPath(path: string): void {
  const directory = posix.dirname(posix.resolve(path));
  if (statOrNull(statSync, directory) === null)
    throw invalid("COPY_PATH_NOT_FOUND", `invalid output path: directory "${directory}" does not exist`);
  const found = statOrNull(statSync, path);
  if (found !== null && (found.isCharacterDevice() || found.isBlockDevice()))
    throw invalid("COPY_NOT_A_DIRECTORY", `invalid output path: "${path}" must be a directory or a regular file: got a device`);
}

function localDestination(path: string): CopyInfo {
  let at = path;
  for (let links = 0; links <= 10; links++) {
    const found = statOrNull(lstatSync, at);
    if (found === null) return { path: at, exists: false, isDirectory: false };
    if (!found.isSymbolicLink()) return { path: at, exists: true, isDirectory: found.isDirectory() };
    at = posix.resolve(splitPath(at).directory, readlinkSync(at));
  }
  throw invalid("COPY_NOT_A_DIRECTORY", `too many symlinks in ${path}`);
}

function statOrNull(look: (path: string) => Stats, path: string): Stats | null {
  try {
    return look(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw fileError(error);
  }
}

function invalid(code: "COPY_PATH_NOT_FOUND" | "COPY_NOT_A_DIRECTORY", message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code, message });
}

/** Errors of node:fs in our form. */
export function fileError(error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error) || !("code" in error)) return error;
  const { code, path = "", syscall = "open" } = error as NodeJS.ErrnoException;
  const text = { ENOENT: "no such file or directory", ENOTDIR: "not a directory", EACCES: "permission denied" }[code ?? ""];
  const message = text === undefined ? error.message : `${syscall} ${path}: ${text}`;
  return new EngineError({ kind: "invalidArgument", code: "CLI_FILE_UNREADABLE", message, cause: error });
}
