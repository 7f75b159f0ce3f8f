import { readSync } from "node:fs";
import type { LogEntry } from "./log-entry.ts";

const newline = 0x0a;
const space = 0x20;
const blockBytes = 65_536;
/** A record of ours has at most 16 KiB of text; a line far beyond is not one, and is passed over. */
const maxRecordBytes = 1024 * 1024;

/** A record and where it stands in its file. */
export interface LogRecord {
  readonly entry: LogEntry;
  readonly offset: number;
}

/**
 * One record of the CRI format, `TIME STREAM F|P TEXT\n`, without its newline; null for a line that is none (half of one may be
 * left after a crash). `end` is the newline's index. The entry's bytes are a view of the buffer.
 */
export function parseRecord(buffer: Uint8Array, start: number, end: number): LogEntry | null {
  const afterTime = buffer.indexOf(space, start);
  if (afterTime < start + 20 || afterTime > start + 35) return null;
  const at = afterTime + 1;
  // "stdout F " and "stderr P " have one length.
  if (at + 9 > end || buffer[at + 6] !== space || buffer[at + 8] !== space) return null;
  const word = String.fromCharCode(...buffer.subarray(at, at + 6));
  const stream = word === "stdout" || word === "stderr" ? word : null;
  const tag = buffer[at + 7];
  if (stream === null || (tag !== 0x46 && tag !== 0x50)) return null;
  const partial = tag === 0x50;
  const time = String.fromCharCode(...buffer.subarray(start, afterTime));
  return { stream, time, partial, bytes: buffer.subarray(at + 9, partial ? end : end + 1) };
}

/** The records from `offset` on that begin before `limit`, as far as whole lines are there now. Returns the offset after the last. */
export function* recordsFrom(fd: number, offset: number, limit = Number.POSITIVE_INFINITY): Generator<LogRecord, number> {
  let at = offset;
  let size = blockBytes;
  for (;;) {
    const buffer = Buffer.allocUnsafe(size);
    const length = readSync(fd, buffer, 0, size, at);
    let start = 0;
    for (let end = buffer.indexOf(newline, 0); end !== -1 && end < length; end = buffer.indexOf(newline, start)) {
      if (at + start >= limit) return at + start;
      const entry = parseRecord(buffer, start, end);
      if (entry !== null) yield { entry, offset: at + start };
      start = end + 1;
    }
    at += start;
    if (length < size) return at;
    if (start === 0 && size >= maxRecordBytes) at += length;
    size = start === 0 && size < maxRecordBytes ? size * 4 : blockBytes;
  }
}

/** The records before `end`, the last first. An unfinished line at the end is left out. */
export function* recordsBackwards(fd: number, end: number): Generator<LogRecord> {
  let rest: Buffer = Buffer.alloc(0);
  let at = end;
  let ended = false;
  while (at > 0) {
    const length = Math.min(blockBytes, at);
    const buffer = Buffer.allocUnsafe(length + rest.length);
    readSync(fd, buffer, 0, length, at - length);
    buffer.set(rest, length);
    at -= length;
    let stop = buffer.length;
    if (!ended) {
      stop = buffer.lastIndexOf(newline) + 1;
      ended = stop > 0;
    }
    // `stop` is behind the newline of the line that is looked at.
    for (let start = previousLine(buffer, stop); start !== -1; start = previousLine(buffer, stop)) {
      const entry = parseRecord(buffer, start, stop - 1);
      if (entry !== null) yield { entry, offset: at + start };
      stop = start;
    }
    rest = buffer.subarray(0, ended ? stop : 0);
    if (rest.length > maxRecordBytes) rest = Buffer.alloc(0);
  }
  const entry = rest.length > 0 ? parseRecord(rest, 0, rest.length - 1) : null;
  if (entry !== null) yield { entry, offset: 0 };
}

/** Where the line that ends just before `stop` begins, if that is in the buffer. */
function previousLine(buffer: Buffer, stop: number): number {
  if (stop < 2) return -1;
  const before = buffer.lastIndexOf(newline, stop - 2);
  return before === -1 ? -1 : before + 1;
}
