/** Names by their numbers. */
export interface Names {
  /** The byte of a name; -1 behind its end. */
  byteAt(name: number, index: number): number;
  /** Whether a name comes before another, both alike up to `depth`. */
  isBefore(name: number, other: number, depth: number): boolean;
}

/** Up to so many names, moving them one by one is quicker. */
const few = 12;

/**
 * Sorts different names by their bytes, in place. Multikey quicksort: a byte is looked at once for each time that it tells names apart, and none
 * is compared from its start. The pivot is drawn by lot, so that nobody can choose names that take long.
 * @see Bentley and Sedgewick, "Fast algorithms for sorting and searching strings", 1997
 */
export function sortNames(names: Names, ids: Uint32Array): void {
  if (!isSorted(names, ids)) sortRange(names, ids, { start: 0, end: ids.length, depth: 0 });
}

/** As they are in most archives. */
function isSorted(names: Names, ids: Uint32Array): boolean {
  for (let at = 1; at < ids.length; at++) if (names.isBefore(ids[at] ?? 0, ids[at - 1] ?? 0, 0)) return false;
  return true;
}

/** Names from `start` to `end`, which are alike up to `depth`. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** Of the three parts of a range the longest is gone on with, so that calls nest by the logarithm at most. */
function sortRange(names: Names, ids: Uint32Array, all: Range): void {
  let range = all;
  while (range.end - range.start > few) {
    const { start, end, depth } = range;
    const pivot = names.byteAt(ids[start + Math.floor(Math.random() * (end - start))] ?? 0, depth);
    const { less, more } = partition(names, ids, { range, pivot });
    // Names are different: one at most ends here.
    const parts = [
      { start, end: less, depth },
      { start: less, end: pivot < 0 ? less : more, depth: depth + 1 },
      { start: more, end, depth },
    ].sort((a, b) => a.end - a.start - (b.end - b.start));
    for (const part of parts.slice(0, -1)) sortRange(names, ids, part);
    range = parts.at(-1) ?? all;
  }
  insert(names, ids, range);
}

/** Moves names whose byte is smaller than the pivot before `less`, and those with a larger one to `more` and behind. */
function partition(names: Names, ids: Uint32Array, { range, pivot }: { readonly range: Range; readonly pivot: number }) {
  let less = range.start;
  let more = range.end;
  for (let at = less; at < more; ) {
    const id = ids[at] ?? 0;
    const byte = names.byteAt(id, range.depth);
    if (byte < pivot) {
      ids[at++] = ids[less] ?? 0;
      ids[less++] = id;
    } else if (byte > pivot) {
      ids[at] = ids[--more] ?? 0;
      ids[more] = id;
    } else at++;
  }
  return { less, more };
}

function insert(names: Names, ids: Uint32Array, { start, end, depth }: Range): void {
  for (let next = start + 1; next < end; next++) {
    const id = ids[next] ?? 0;
    let at = next;
    for (; at > start && names.isBefore(id, ids[at - 1] ?? 0, depth); at--) ids[at] = ids[at - 1] ?? 0;
    ids[at] = id;
  }
}
