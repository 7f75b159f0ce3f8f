import type { LogEntry } from "./log-entry.ts";
import type { LogFile } from "./log-files.ts";
import type { LogFilter } from "./log-filter.ts";
import { type LogRecord, recordsBackwards } from "./log-records.ts";

/** A place in a log: the file's number in the order of reading, and the offset of a record. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** Where the last lines begin. */
export interface LogTail {
  readonly start: LogPosition;
  /** Whether a record belongs to them: beside the begin of one stream's first line there may be records of the other that don't. */
  holds(stream: LogEntry["stream"], at: LogPosition): boolean;
}

/** How far back the begin of a line is looked for, once there are enough lines. */
const patienceBytes = 1024 * 1024;

/**
 * Finds the last `lines` lines that pass the filter, reading backwards and no more than needed. A line is a full record and the
 * partial ones of its stream before it, or the partial ones at the end that have no full one yet.
 */
export function findTail(files: readonly LogFile[], filter: LogFilter, lines: number): LogTail {
  const last = files.length - 1;
  const starts = new Map<LogEntry["stream"], LogPosition>();
  const whole = new Set<LogEntry["stream"]>();
  const end: LogPosition = { file: Math.max(last, 0), offset: files[last]?.size ?? 0 };
  let count = 0;
  let patience = patienceBytes;

  /** False: nothing before this record matters. */
  const visit = ({ entry, offset }: LogRecord, file: number): boolean => {
    if (filter.isBefore(entry)) return false;
    if (count >= lines) patience -= entry.bytes.length;
    if (!filter.accepts(entry) || whole.has(entry.stream)) return patience > 0;
    const continues = entry.partial && starts.has(entry.stream);
    if (!continues && count === lines) whole.add(entry.stream);
    else {
      if (!continues) count++;
      starts.set(entry.stream, { file, offset });
    }
    if (count < lines) return true;
    return patience > 0 && [...starts.keys()].some((stream) => !whole.has(stream));
  };

  search: for (let file = lines > 0 ? last : -1; file >= 0; file--) {
    const current = files[file];
    if (current === undefined) break;
    for (const record of recordsBackwards(current.fd, current.size)) {
      if (!visit(record, file)) break search;
    }
  }
  const start = [...starts.values()].reduce((first, at) => (isBefore(at, first) ? at : first), end);
  return {
    start,
    holds: (stream, at) => {
      const from = starts.get(stream) ?? end;
      return !isBefore(at, from);
    },
  };
}

function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.file < b.file || (a.file === b.file && a.offset < b.offset);
}
