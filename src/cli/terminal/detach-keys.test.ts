import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DetachScanner, defaultDetachKeys, parseDetachKeys } from "./detach-keys.ts";

describe("parseDetachKeys()", () => {
  test.each([
    ["ctrl-p,ctrl-q", [0x10, 0x11]],
    ["ctrl-a", [1]],
    ["ctrl-@", [0]],
    ["ctrl-[", [27]],
    ["ctrl-_", [31]],
    ["a,b", [97, 98]],
    ["ctrl-],x", [29, 120]],
    ["", []],
  ])("reads %p", (text, keys) => {
    expect(parseDetachKeys(text)).toEqual(keys);
  });

  test.each(["ctrl-", "ctrl-P", "ctrl-1", "ab", "a,,b", "é"])("refuses %p", (text) => {
    expect(() => parseDetachKeys(text)).toThrow("invalid detach keys");
  });
});

function scanAll(keys: readonly number[], chunks: readonly (readonly number[])[]) {
  const scanner = new DetachScanner(keys);
  const out: number[] = [];
  for (const chunk of chunks) {
    const { forward, detached } = scanner.scan(Uint8Array.from(chunk));
    out.push(...forward);
    if (detached) return { out, detached };
  }
  return { out, detached: false };
}

describe("DetachScanner", () => {
  test("finds the sequence across chunks and drops it and what follows", () => {
    expect(
      scanAll(defaultDetachKeys, [
        [1, 0x10],
        [0x11, 2],
      ]),
    ).toEqual({ out: [1], detached: true });
  });

  test("hands on a beginning that does not go on", () => {
    expect(scanAll(defaultDetachKeys, [[0x10], [5]])).toEqual({ out: [0x10, 5], detached: false });
  });

  test("holds back what may still be the sequence", () => {
    expect(scanAll(defaultDetachKeys, [[5, 0x10]])).toEqual({ out: [5], detached: false });
  });

  test("finds a sequence that begins within a failed one", () => {
    expect(scanAll([0x10, 0x11], [[0x10, 0x10, 0x11]])).toEqual({ out: [0x10], detached: true });
    expect(scanAll([97, 97, 98], [[97, 97, 97, 98]])).toEqual({ out: [97], detached: true });
  });

  test("no keys: everything goes on", () => {
    expect(scanAll([], [[0x10, 0x11]])).toEqual({ out: [0x10, 0x11], detached: false });
  });

  test("agrees with a search in the whole input, however it is cut", () => {
    const byte = fc.integer({ min: 0, max: 2 });
    fc.assert(
      fc.property(
        fc.array(byte, { minLength: 1, maxLength: 4 }),
        fc.array(fc.array(byte, { maxLength: 5 }), { maxLength: 6 }),
        (keys, chunks) => {
          const input = chunks.flat();
          const at = input.findIndex((_, index) => keys.every((key, offset) => input[index + offset] === key));
          const { out, detached } = scanAll(keys, chunks);
          expect(detached).toBe(at >= 0);
          if (at >= 0) expect(out).toEqual(input.slice(0, at));
          else expect(input.slice(0, out.length)).toEqual(out);
          if (at < 0) expect(input.length - out.length).toBeLessThan(keys.length);
        },
      ),
    );
  });
});
