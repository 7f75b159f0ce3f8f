import type { ByteString } from "../core/byte-string.ts";
import { decodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { FileTime, Xattrs } from "../kernel/tree-records.ts";

export type TarEntryType = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo";

/** One member of a tar archive, with every extension (PAX, GNU) already applied. */
export interface TarEntry {
  /** Relative and clean: no leading `/`, no `.`, `..` or empty components; the archive's root is `.`. */
  readonly path: ByteString;
  readonly type: TarEntryType;
  /** Permission and set-id bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  /** Bytes that the file has once unpacked (a sparse one: with its holes). */
  readonly size: number;
  /** A symlink's target as it is; a hard link's as clean as `path`. */
  readonly target: ByteString;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: Xattrs;
  /** Where the data lies: of a file that isn't sparse, one segment or none. Offsets count from the archive's first byte. */
  readonly segments: readonly TarSegment[];
}

export interface TarSegment {
  readonly offset: number;
  readonly length: number;
  readonly fileOffset: number;
}

/** TAR_INVALID; names the entry, if its name is known. */
export function invalidTar(problem: string, entry?: string): EngineError {
  const where = entry === undefined || entry === "" ? "read tar archive" : `read tar entry \`${decodeText(entry as ByteString)}\``;
  return new EngineError({ kind: "invalidArgument", code: "TAR_INVALID", message: `${where}: ${problem}`, details: { entry } });
}

/**
 * The clean form of a name in an archive. Leading slashes go, as with every tar.
 * @throws {EngineError} TAR_INVALID for a `..` component, a NUL, or a name longer than the kernel takes.
 */
export function cleanPath(raw: ByteString): ByteString {
  if (raw.includes("\0")) throw invalidTar("a NUL in its name", raw.replaceAll("\0", "\\0"));
  if (raw.length > 4095) throw invalidTar(`a name of ${raw.length} bytes`, `${raw.slice(0, 60)}…`);
  // The common case costs nothing: nothing to clean in `usr/bin/env`.
  if (!/(^|\/)(\.{0,2})(\/|$)/.test(raw)) return raw;
  const parts = raw.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw invalidTar("its name leaves the archive's root (`..`)", raw);
  return (parts.length === 0 ? "." : parts.join("/")) as ByteString;
}
