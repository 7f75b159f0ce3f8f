import type { Timestamp } from "../../core/timestamp.ts";

/** Go's zero time: "never". */
export const zeroTime = "0001-01-01T00:00:00Z";

/** RFC 3339 with as many digits of the second as it needs, UTC: the form of Docker's API. */
export function dockerTime(date: Date | null): string {
  return date === null ? zeroTime : date.toISOString().replace(/\.?0+Z$/, "Z");
}

/** A time that has more digits than a Date holds, in that form. */
export function trimmedTime(time: Timestamp): string {
  return time.replace(/(?:(\.\d*[1-9])|\.)0*Z$/, "$1Z");
}

/** RFC 3339 without a fraction, local time, as docker's `history` prints it: `2026-01-02T03:04:05+02:00`. */
export function localSeconds(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  return offset === 0 ? `${local}Z` : `${local}${zoneOffset(offset, ":")}`;
}

/** The same without a fraction, as docker tells when a volume was made. */
export function dockerSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Local time as Go prints it by default, in `ps` and `images`: `2026-01-02 03:04:05 +0000 UTC`. */
export function goLocalTime(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const zone = zoneOffset(offset, "");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} ${zone} ${offset === 0 ? "UTC" : zoneName(date, zone)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `+0230`. */
function zoneOffset(minutes: number, separator: string): string {
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}${separator}${two(Math.abs(minutes) % 60)}`;
}

function zoneName(date: Date, fallback: string): string {
  const part = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date).find(({ type }) => type === "timeZoneName");
  return part === undefined || /[-+]\d/.test(part.value) ? fallback.slice(0, 3) : part.value;
}
