// The engine's file can be mapped by huge pages (docs/adr/0019): nothing fails when it can't, each start only takes milliseconds longer.
import { describe, expect } from "bun:test";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";

const test = requires("binary");
const hugePage = 2 << 20;

describe("dist/engine", () => {
  test("has each segment where offset and address agree modulo 2 MiB", () => {
    const loaded = segments(`${repository}/dist/engine`).filter(({ type }) => type === 1);
    expect(loaded.length).toBeGreaterThan(2);
    expect(loaded.map(({ offset, address }) => (address - offset) % hugePage)).toEqual(loaded.map(() => 0));
  });

  test("holds its segments apart, and all of them", () => {
    const path = `${repository}/dist/engine`;
    const loaded = segments(path).filter(({ type }) => type === 1);
    for (const [index, { offset }] of loaded.entries()) {
      const before = loaded[index - 1];
      if (before !== undefined) expect(offset).toBeGreaterThanOrEqual(before.offset + before.size);
    }
    const last = loaded.at(-1);
    expect(statSync(path).size).toBe((last?.offset ?? 0) + (last?.size ?? 0));
  });
});

/** The program headers of a 64-bit little-endian program: elf(5). */
function segments(path: string): { type: number; offset: number; address: number; size: number }[] {
  const bytes = Buffer.alloc(4096);
  const descriptor = openSync(path, "r");
  readSync(descriptor, bytes, 0, bytes.length, 0);
  closeSync(descriptor);
  const table = Number(bytes.readBigUInt64LE(32));
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = table + 56 * index;
    const number = (from: number) => Number(bytes.readBigUInt64LE(at + from));
    return { type: bytes.readUInt32LE(at), offset: number(8), address: number(16), size: number(32) };
  });
}
