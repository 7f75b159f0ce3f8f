import { EngineError } from "./engine-error.ts";

/** SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE: the log's index can't be made (sqlite.org/rescode.html). */
const sqliteCodes: readonly unknown[] = [13, 778, 4874];

/**
 * What was thrown by a system call or by SQLite, as NO_SPACE, if a full file system or an exhausted quota is behind it: nobody's
 * mistake, and it can happen at every write. Undefined for any other.
 */
export function noSpaceError(thrown: unknown): EngineError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, errcode, path, syscall } = thrown as NodeJS.ErrnoException & { readonly errcode?: unknown };
  const isSystem = code === "ENOSPC" || code === "EDQUOT";
  if (!isSystem && !(code === "ERR_SQLITE_ERROR" && sqliteCodes.includes(errcode))) return undefined;
  const doing = isSystem ? `${syscall ?? "write"}${path === undefined ? "" : ` \`${path}\``}` : "write the state";
  const what = code === "EDQUOT" ? "disk quota exceeded" : "no space left on device";
  return new EngineError({
    kind: "resourceExhausted",
    code: "NO_SPACE",
    message: `${doing}: ${what}; free some and try again`,
    cause: thrown,
  });
}
