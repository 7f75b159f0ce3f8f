/** `bytes` random bytes as hexadecimal digits, from the kernel's generator. By the Web Crypto global: loading node:crypto costs a start 2 ms. */
export function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}

/** 0 to `limit` - 1; `limit` is small, so that the bias of a remainder does not matter. */
export function randomBelow(limit: number): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % limit;
}
