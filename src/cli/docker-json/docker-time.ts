/** Go's zero time: "never". */
export const zeroTime = "0001-01-01T00:00:00Z";

/** RFC 3339 with as many digits of the second as it needs, UTC: the form of Docker's API. */
export function dockerTime(date: Date | null): string {
  return date === null ? zeroTime : date.toISOString().replace(/\.?0+Z$/, "Z");
}

/** The same without a fraction, as docker tells when a volume was made. */
export function dockerSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Local time as Go prints it by default, in `ps` and `images`: `2026-01-02 03:04:05 +0000 UTC`. */
export function goLocalTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} ${zone} ${offset === 0 ? "UTC" : zoneName(date, zone)}`;
}

function zoneName(date: Date, fallback: string): string {
  const part = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date).find(({ type }) => type === "timeZoneName");
  return part === undefined || /[-+]\d/.test(part.value) ? fallback.slice(0, 3) : part.value;
}
