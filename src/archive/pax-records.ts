import type { ByteString } from "../core/byte-string.ts";
import type { FileTime } from "../kernel/tree-records.ts";
import { invalidTar } from "./tar-entry.ts";

/** Keys and values of PAX extended headers as raw bytes. An empty value cancels the key. */
export type PaxRecords = Map<string, ByteString>;

/**
 * Decodes `LENGTH KEY=VALUE\n` records into `into`, later ones over earlier. The sparse 0.0 keys, which repeat, are joined
 * to one `GNU.sparse.map` as 0.1 writes it.
 * @throws {EngineError} TAR_INVALID
 * @see POSIX pax, "pax Extended Header"
 */
export function parsePax(data: Buffer, into: PaxRecords, entry: string): void {
  let at = 0;
  const map: string[] = [];
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? "" : data.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || end > data.length || end <= space + 1 || data[end - 1] !== 0x0a) {
      throw invalidTar("a malformed PAX record", entry);
    }
    const equals = data.indexOf(0x3d, space + 1);
    if (equals <= space + 1 || equals >= end) throw invalidTar("a PAX record without a key", entry);
    const key = data.toString("latin1", space + 1, equals);
    const value = data.toString("latin1", equals + 1, end - 1) as ByteString;
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") map.push(value);
    else into.set(key, value);
    at = end;
  }
  if (map.length > 0) into.set("GNU.sparse.map", map.join(",") as ByteString);
}

/** One record; its length counts itself. */
export function formatPax(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length++;
  return `${length} ${key}=${value}\n`;
}

/** @throws {EngineError} TAR_INVALID unless a whole number from 0 to 2^53-1. */
export function paxNumber(value: string, entry: string): number {
  const number = Number(value);
  if (!/^[0-9]{1,16}$/.test(value) || !Number.isSafeInteger(number)) throw invalidTar(`an absurd number (${value.slice(0, 40)})`, entry);
  return number;
}

/** `[-]SECONDS[.FRACTION]`, cut after nanoseconds. */
export function paxTime(value: string, entry: string): FileTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value);
  if (match === null) throw invalidTar(`a malformed time (${value.slice(0, 40)})`, entry);
  const whole = Number(match[2]);
  const nanos = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanos };
  return nanos === 0 ? { seconds: -whole, nanos: 0 } : { seconds: -whole - 1, nanos: 1_000_000_000 - nanos };
}

export function formatTime(time: FileTime): string {
  if (time.nanos === 0) return String(time.seconds);
  const [sign, seconds, nanos] = time.seconds < 0 ? ["-", -time.seconds - 1, 1_000_000_000 - time.nanos] : ["", time.seconds, time.nanos];
  const fraction = String(nanos).padStart(9, "0");
  return `${sign}${seconds}.${nanos % 10 === 0 ? fraction.replace(/0+$/, "") : fraction}`;
}
