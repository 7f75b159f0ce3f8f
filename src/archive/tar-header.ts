import type { ByteString } from "../core/byte-string.ts";
import { invalidTar } from "./tar-entry.ts";

export const blockSize = 512;

/** The fields of one 512-byte header block, numbers decoded, extensions not applied. */
export interface TarHeader {
  readonly name: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly typeflag: string;
  readonly linkname: ByteString;
  readonly major: number;
  readonly minor: number;
}

/**
 * Decodes a header block of V7, ustar or old GNU form; null for a block of zeros.
 * @throws {EngineError} TAR_INVALID for a wrong checksum or a malformed number.
 * @see POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"
 */
export function parseHeader(block: Buffer): TarHeader | null {
  const unsigned = sum(block);
  if (unsigned === 8 * 0x20 && block[148] === 0) return null;
  const text = textField(block, 0, 100);
  const checksum = checksumField(block);
  // Old Sun tars summed signed characters.
  if (checksum !== unsigned && checksum !== unsigned - 256 * countNegative(block)) throw invalidTar("not a tar header (wrong checksum)");
  const ustar = hasMagic(block, "ustar\0");
  const gnu = hasMagic(block, "ustar  \0");
  const prefix = ustar ? textField(block, 345, 155) : "";
  const devices = ustar || gnu;
  return {
    name: (prefix === "" ? text : `${prefix}/${text}`) as ByteString,
    mode: numberField(block, 100, 8, text) & 0o7777,
    uid: numberField(block, 108, 8, text),
    gid: numberField(block, 116, 8, text),
    size: numberField(block, 124, 12, text),
    mtime: numberField(block, 136, 12, text),
    typeflag: String.fromCharCode(block[156] ?? 0),
    linkname: textField(block, 157, 100),
    major: devices ? numberField(block, 329, 8, text) : 0,
    minor: devices ? numberField(block, 337, 8, text) : 0,
  };
}

/** NaN unless it is octal and ended by a blank or a NUL. */
function checksumField(block: Buffer): number {
  let at = 148;
  while (at < 156 && block[at] === 0x20) at++;
  const start = at;
  let value = 0;
  for (; at < 156; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  return at > start && at < 156 && (block[at] === 0x20 || block[at] === 0) ? value : Number.NaN;
}

function hasMagic(block: Buffer, magic: string): boolean {
  for (let at = 0; at < magic.length; at++) if (block[257 + at] !== magic.charCodeAt(at)) return false;
  return true;
}

/** Of all bytes, with the checksum's own field as blanks. */
function sum(block: Buffer): number {
  let total = 8 * 0x20;
  for (let at = 0; at < blockSize; at++) total += block[at] ?? 0;
  for (let at = 148; at < 156; at++) total -= block[at] ?? 0;
  return total;
}

function countNegative(block: Buffer): number {
  let count = 0;
  for (let at = 0; at < blockSize; at++) if ((at < 148 || at >= 156) && (block[at] ?? 0) > 127) count++;
  return count;
}

export function textField(block: Buffer, offset: number, length: number): ByteString {
  const end = block.indexOf(0, offset);
  return block.toString("latin1", offset, end < 0 || end > offset + length ? offset + length : end) as ByteString;
}

/** Octal digits, or GNU's base 256 (first bit set; two's complement). Exact, or refused. */
export function numberField(block: Buffer, offset: number, length: number, entry: string): number {
  const first = block[offset] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = (first & 0x40) === 0 ? BigInt(first & 0x3f) : BigInt(first & 0x7f) - 128n;
    for (let at = offset + 1; at < offset + length; at++) value = (value << 8n) | BigInt(block[at] ?? 0);
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw invalidTar(`an absurd number (${value})`, entry);
    return number;
  }
  let value = 0;
  let at = offset;
  const end = offset + length;
  while (at < end && block[at] === 0x20) at++;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < end; at++) {
    if (block[at] !== 0 && block[at] !== 0x20) throw invalidTar("a number that is not octal", entry);
    // What follows the terminator is not part of the number (some tars leave rubbish there).
    if (block[at] === 0) break;
  }
  return value;
}
