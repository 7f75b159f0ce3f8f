import { EngineError } from "../core/engine-error.ts";
import { invalidOption } from "../core/invalid-option.ts";

/** The container's own account files, as text; empty when it has none. Hostile input. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group is among them, as in docker: else a set-group-id program could drop it and pass a file mode that denies it (CVE-2022-36109). */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const maxId = 2 ** 31 - 1;

/**
 * Resolves `NAME|UID[:GROUP|GID]` as docker does: a name (or a uid that is listed) brings its group, supplementary groups and
 * home; a uid that is not listed gets gid 0 and `/`; a group given explicitly replaces all others.
 * @throws {EngineError} USER_NOT_FOUND, INVALID_OPTION.
 */
export function resolveUser(user: string, groupAdd: readonly string[], files: AccountFiles): ResolvedUser {
  const colon = user.indexOf(":");
  const userPart = colon < 0 ? user : user.slice(0, colon);
  const groupPart = colon < 0 ? "" : user.slice(colon + 1);

  const account = findAccount(userPart, files.passwd);
  let gid = account.gid;
  let additionalGids: number[] = [];
  if (groupPart !== "") {
    gid = findGroup(groupPart, files.group);
  } else if (account.name !== "") {
    additionalGids = parseGroup(files.group)
      .filter((entry) => entry.members.includes(account.name))
      .map((entry) => entry.gid);
  }
  for (const group of groupAdd) additionalGids.push(findGroup(group, files.group));
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...additionalGids])], home: account.home || "/" };
}

function findAccount(user: string, passwd: string): PasswdEntry {
  const entries = parsePasswd(passwd);
  if (user === "" || user === "0" || user === "root") {
    const root = entries.find((entry) => (user === "root" ? entry.name === user : entry.uid === 0));
    return root ?? { name: "root", uid: 0, gid: 0, home: "/root" };
  }
  if (isNumber(user)) {
    const uid = requireId(user);
    return entries.find((entry) => entry.uid === uid) ?? { name: "", uid, gid: 0, home: "/" };
  }
  const named = entries.find((entry) => entry.name === user);
  if (named === undefined) throw notFound("user", user, "passwd");
  return named;
}

function findGroup(group: string, file: string): number {
  if (isNumber(group)) return requireId(group);
  const named = parseGroup(file).find((entry) => entry.name === group);
  if (named === undefined) throw notFound("group", group, "group");
  return named.gid;
}

/** Then it is an id and never a name, or an image could make root of the user 1000 that it is run as (CVE-2016-3697). */
function isNumber(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}

function requireId(text: string): number {
  const id = Number(text);
  if (id >= 0 && id <= maxId) return id + 0;
  throw invalidOption(`uids and gids must be in range 0-${maxId}: \`${text}\``);
}

function notFound(kind: "user" | "group", name: string, file: string): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "USER_NOT_FOUND",
    message: `unable to find ${kind} ${name}: no matching entries in ${file} file; use a number, or add it to the image`,
  });
}

function parsePasswd(text: string): PasswdEntry[] {
  return fields(text, 6).flatMap(([name = "", , uidText = "", gidText = "", , home = ""]) => {
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return uid === undefined || gid === undefined || name === "" ? [] : [{ name, uid, gid, home: home.startsWith("/") ? home : "" }];
  });
}

function parseGroup(text: string): GroupEntry[] {
  return fields(text, 3).flatMap(([name = "", , gidText = "", members = ""]) => {
    const gid = parseId(gidText);
    return gid === undefined || name === "" ? [] : [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

function fields(text: string, least: number): string[][] {
  return text
    .split("\n")
    .map((line) => line.replace(/\r$/, "").split(":"))
    .filter((parts) => parts.length >= least && !parts[0]?.startsWith("#"));
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}
