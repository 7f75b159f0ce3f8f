const polynomial = 0x82f63b78;

/** CRC-32C (Castagnoli) from an all-ones start, not inverted at the end, as EROFS keeps it. @see RFC 3720, B.4 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  }
  return crc >>> 0;
}
