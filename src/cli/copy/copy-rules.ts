import { posix } from "node:path";
import { EngineError } from "../../core/engine-error.ts";

/** One end of a copy. */
export interface CopyEnd {
  /** Empty: a path of this machine. */
  readonly container: string;
  readonly path: string;
}

/** What is known of a source or destination, as far as docker's rules ask. */
export interface CopyInfo {
  /** A trailing slash or `/.` is kept: it asserts a directory, or means its contents. */
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
  /** The name that was asked for, where following a symlink has led to another one. */
  readonly rebaseName?: string;
}

/** Into which directory an archive goes, and the new name of its first component, if it gets one. */
export interface Placement {
  readonly directory: string;
  readonly name?: string;
}

/** `CONTAINER:PATH`, or a path of this machine: one that begins with `/` or `.`, or has no colon. */
export function parseCopyEnd(text: string): CopyEnd {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || colon < 0 || text.slice(0, colon).startsWith(".")) return { container: "", path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** The absolute form, with the trailing slash or `/.` of the original. */
export function absolutePath(path: string, base: string): string {
  return preserveTrailing(posix.resolve(base, path), path);
}

function preserveTrailing(clean: string, original: string): string {
  let path = clean;
  if (!meansContents(path) && meansContents(original)) path = path.endsWith("/") ? `${path}.` : `${path}/.`;
  if (!path.endsWith("/") && original.endsWith("/")) path += "/";
  return path;
}

/** `/dir/.`, `.` */
export function meansContents(path: string): boolean {
  return posix.basename(path) === ".";
}

function assertsDirectory(path: string): boolean {
  return path.endsWith("/") || meansContents(path);
}

/** The parent directory, and the entry in it: of `/dir/.` that is `.` in `/dir`, of `/` it is `.`, too. */
export function splitPath(path: string): { readonly directory: string; readonly base: string } {
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  if (meansContents(path) || clean === "/") return { directory: clean, base: "." };
  return { directory: posix.dirname(clean), base: posix.basename(clean) };
}

/** Where a symlink led, with the original's trailing slash or dot; and the original's name, if that is another one. */
export function rebase(path: string, target: string): { readonly path: string; readonly rebaseName?: string } {
  const resolved = preserveTrailing(target, path);
  const name = posix.basename(path);
  return name === posix.basename(resolved) ? { path: resolved } : { path: resolved, rebaseName: name };
}

/**
 * Docker's table of what goes where: into a directory that is there; under the destination's name where that is no directory, or not there.
 * @throws {EngineError} COPY_NOT_A_DIRECTORY
 * @see https://docs.docker.com/reference/cli/docker/container/cp/
 */
export function placeCopy(source: CopyInfo, destination: CopyInfo): Placement {
  if (destination.exists && destination.isDirectory) return { directory: destination.path };
  if (destination.exists && source.isDirectory) throw refused("cannot copy directory");
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path)) throw refused("no such directory");
  const { directory, base } = splitPath(destination.path);
  return { directory, name: base };
}

function refused(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "COPY_NOT_A_DIRECTORY", message });
}

/** Gives an archive's entries another first component; `from` empty: they have none (a directory's contents). */
export function renameFirst(from: string, to: string): (path: string) => string {
  return (path) => {
    if (path === from || (from === "" && path === ".")) return to;
    if (from === "") return `${to}/${path}`;
    return path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : path;
  };
}
