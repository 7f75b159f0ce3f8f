import { closeSync, openSync, readSync } from "node:fs";

/** `bytes` random bytes as hexadecimal digits. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

/** 0 to `limit` - 1; `limit` is small, so that the bias of a remainder does not matter. */
export function randomBelow(limit: number): number {
  return randomBytes(4).readUInt32LE(0) % limit;
}

/** The kernel's generator itself: loading node:crypto costs a start 2 ms, the Web Crypto global's first call 0.2. */
function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const descriptor = openSync("/dev/urandom", "r");
  try {
    // Up to 256 bytes come whole. @see urandom(4)
    if (readSync(descriptor, bytes) !== count) throw new Error("read /dev/urandom: it ended");
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}
