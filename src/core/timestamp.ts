/** RFC 3339 with nanoseconds, UTC, as Docker's API and the CRI log write times; `0001-01-01T00:00:00Z` stands for "never". */
export type Timestamp = string;

export const neverTimestamp: Timestamp = "0001-01-01T00:00:00Z";

/** From nanoseconds since 1970. */
export function timestampFromNanos(nanos: bigint): Timestamp {
  const seconds = nanos / 1_000_000_000n;
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0");
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

export function timestampNow(): Timestamp {
  const millis = Date.now();
  const fraction = (millis % 1000) * 1_000_000 + Math.floor((performance.now() * 1_000_000) % 1_000_000);
  return `${new Date(millis).toISOString().slice(0, 19)}.${String(fraction).padStart(9, "0")}Z`;
}
