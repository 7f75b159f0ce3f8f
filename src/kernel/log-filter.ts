import type { LogEntry, LogOptions } from "./log-entry.ts";

/** Which entries were asked for. Times compare as text: the monitor always writes nine digits, in UTC. */
export class LogFilter {
  readonly #stdout: boolean;
  readonly #stderr: boolean;
  readonly #since: string;
  readonly #until: string;
  readonly #stale: string;

  constructor(options: LogOptions) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#since = options.since === undefined ? "" : logTime(options.since);
    this.#until = options.until === undefined ? "~" : logTime(options.until);
    this.#stale = options.since === undefined ? "" : logTime(new Date(options.since.getTime() - 1000));
  }

  accepts(entry: LogEntry): boolean {
    return (entry.stream === "stdout" ? this.#stdout : this.#stderr) && entry.time >= this.#since && entry.time <= this.#until;
  }

  /** Before all that was asked for: a line is written at its end, but bears the time of its begin, so times may be out of order a little. */
  isBefore(entry: LogEntry): boolean {
    return entry.time < this.#stale;
  }

  isAfter(entry: LogEntry): boolean {
    return entry.time > this.#until;
  }
}

/** A moment as the monitor writes it, RFC 3339 with nine digits of nanoseconds. */
export function logTime(date: Date): string {
  return `${date.toISOString().slice(0, 23)}000000Z`;
}
