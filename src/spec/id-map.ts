import { invalidOption } from "../core/invalid-option.ts";
import type { OciIdMapping } from "../plan/oci-config.ts";
import type { IdMapOption, IdRange } from "./container-options.ts";

/** One less than all 32-bit numbers: the last means "none". */
const allIds = 0xffff_ffff;

export interface MountMappings {
  readonly uidMappings: readonly OciIdMapping[];
  readonly gidMappings: readonly OciIdMapping[];
}

/** The container's user namespace as far as mappings go; null without one. */
export interface MappedIds {
  readonly base: number;
  readonly size: number;
}

/**
 * The mappings of a bind mount for a configuration: ids as stored, in runc's words the container's, to the host's ids as which they are
 * seen. Null when nothing would change.
 * @throws {EngineError} INVALID_OPTION
 */
export function mountMappings(option: IdMapOption, user: MappedIds | null): MountMappings | null {
  const size = user?.size ?? allIds;
  const base = user?.base ?? 0;
  if (option.kind === "owner") {
    if (option.uid === 0 && option.gid === 0 && user === null) return null;
    return { uidMappings: toHost(swapped(option.uid, size), base), gidMappings: toHost(swapped(option.gid, size), base) };
  }
  const { uids, gids, relative } = option;
  for (const range of [...uids, ...gids]) {
    const most = relative ? size : allIds;
    if (range.size < 1 || range.stored + range.size > allIds || range.seen + range.size > most)
      throw invalidOption(`invalid idmap range ${range.stored}-${range.seen}-${range.size}: there are ids 0 to ${most - 1}`);
  }
  return { uidMappings: toHost(uids, relative ? base : 0), gidMappings: toHost(gids, relative ? base : 0) };
}

/** 0 and `id` change places, all others below `size` stay. */
function swapped(id: number, size: number): IdRange[] {
  if (id === 0) return [{ stored: 0, seen: 0, size }];
  const ranges: IdRange[] = [{ stored: id, seen: 0, size: 1 }];
  if (id < size) ranges.push({ stored: 0, seen: id, size: 1 });
  const before = Math.min(id, size) - 1;
  if (before > 0) ranges.push({ stored: 1, seen: 1, size: before });
  if (id + 1 < size) ranges.push({ stored: id + 1, seen: id + 1, size: size - id - 1 });
  return ranges;
}

function toHost(ranges: readonly IdRange[], base: number): OciIdMapping[] {
  return ranges.map(({ stored, seen, size }) => ({ containerID: stored, hostID: base + seen, size }));
}
