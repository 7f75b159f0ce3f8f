import { LogChanges } from "./log-changes.ts";
import type { LogEntry, LogOptions } from "./log-entry.ts";
import { closeLogFile, openLogFiles, openNextLogFile } from "./log-files.ts";
import { LogFilter } from "./log-filter.ts";
import { recordsFrom } from "./log-records.ts";
import { findTail } from "./log-tail.ts";

export interface ReadLogOptions extends LogOptions {
  /** With `follow`: once it settles, what is left is read and the log ends. */
  readonly done?: Promise<unknown>;
}

/**
 * The entries of a log that a monitor writes, oldest first, over all files that rotation has left. `tail` counts lines that pass
 * the other filters; a line that was cut into partial entries is one. With `follow` it goes on with what is written, through
 * rotations, woken by inotify; entries that rotation removes before we come to them are lost. Ends quietly at `signal`, at `done`,
 * and when `until` is over. No log at all is an empty one.
 */
export async function* readLog(path: string, options: ReadLogOptions): AsyncGenerator<LogEntry, void> {
  // The watch comes first: what is written after it was read is announced.
  const changes = options.follow === true ? new LogChanges(path, options) : null;
  const files = openLogFiles(path);
  try {
    const filter = new LogFilter(options);
    const tail = options.tail === undefined ? null : findTail(files, filter, options.tail);
    let number = tail?.start.file ?? 0;
    let offset = tail?.start.offset ?? 0;
    for (const file of files.splice(0, number)) closeLogFile(file);
    for (;;) {
      const last = changes === null || changes.last;
      changes?.reset();
      if (files.length === 0) files.push(...(changes === null ? [] : openLogFiles(path)));
      for (let [file] = files; file !== undefined; [file] = files) {
        // Looked for before the file is read to its end: nothing is added to one after it was rotated away.
        const next = files[1] ?? (changes === null ? null : openNextLogFile(path, file));
        if (next !== null && next !== files[1]) files.push(next);
        const records = recordsFrom(file.fd, offset, changes === null ? file.size : undefined);
        let step = records.next();
        for (; step.done !== true; step = records.next()) {
          const { entry, offset: at } = step.value;
          if (options.signal?.aborted === true || (changes !== null && filter.isAfter(entry))) return;
          if (filter.accepts(entry) && tail?.holds(entry.stream, { file: number, offset: at }) !== false) yield entry;
        }
        offset = step.value;
        if (next === null) break;
        offset = 0;
        number++;
        files.shift();
        closeLogFile(file);
      }
      if (last || options.signal?.aborted === true) return;
      await changes.wait();
    }
  } finally {
    changes?.close();
    for (const file of files) closeLogFile(file);
  }
}
