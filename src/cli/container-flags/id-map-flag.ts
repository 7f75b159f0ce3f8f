import type { IdMapOption, IdRange } from "../../spec/container-options.ts";
import { invalidValue } from "../flags/flag-spec.ts";

/**
 * The value of `idmap`. Alone: what the container's root makes belongs to whoever called, with sudo to the user behind it. A number: to that user
 * and group. `[@]uids=STORED-SEEN-SIZE[#…];gids=…`: podman's form; with `@` the seen ids are the container's.
 */
export function parseIdMap(value: string, env: Readonly<Record<string, string | undefined>> = process.env): IdMapOption {
  if (value === "") {
    const uid = env["SUDO_UID"] ?? String(process.getuid?.() ?? 0);
    const gid = env["SUDO_GID"] ?? String(process.getgid?.() ?? 0);
    return { kind: "owner", uid: parseId(uid), gid: parseId(gid) };
  }
  if (/^\d+$/.test(value)) return { kind: "owner", uid: parseId(value), gid: parseId(value) };
  const relative = value.startsWith("@");
  const ranges = new Map<string, readonly IdRange[]>();
  for (const part of (relative ? value.slice(1) : value).split(";")) {
    const [kind = "", list = "", ...more] = part.split("=");
    if ((kind !== "uids" && kind !== "gids") || more.length > 0 || ranges.has(kind)) throw malformed(value);
    ranges.set(
      kind,
      list.split("#").map((range) => parseRange(range, value)),
    );
  }
  const [uids, gids] = [ranges.get("uids"), ranges.get("gids")];
  if (uids === undefined || gids === undefined) throw malformed(value);
  return { kind: "ranges", uids, gids, relative };
}

function parseRange(text: string, value: string): IdRange {
  const match = /^(\d+)-(\d+)-(\d+)$/.exec(text);
  if (match === null) throw malformed(value);
  return { stored: parseId(match[1] ?? ""), seen: parseId(match[2] ?? ""), size: parseId(match[3] ?? "") };
}

function parseId(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text) || id > 0xffff_ffff) throw invalidValue(`"${text}" is not a user or group id`);
  return id;
}

function malformed(value: string): Error {
  return invalidValue(`"${value}" is no id mapping: use idmap, idmap=UID or idmap=uids=STORED-SEEN-SIZE;gids=STORED-SEEN-SIZE`);
}
