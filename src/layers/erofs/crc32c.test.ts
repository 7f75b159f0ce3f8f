import { expect, test } from "bun:test";
import { crc32c } from "./crc32c.ts";

test("crc32c() is RFC 3720's, without the last inversion", () => {
  const final = (bytes: Uint8Array): number => (crc32c(bytes) ^ 0xffff_ffff) >>> 0;
  expect(final(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(final(Buffer.alloc(32))).toBe(0x8a9136aa);
});
