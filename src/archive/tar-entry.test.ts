import { describe, expect, test } from "bun:test";
import type { ByteString } from "../core/byte-string.ts";
import { cleanPath } from "./tar-entry.ts";

const clean = (path: string) => String(cleanPath(path as ByteString));

describe("cleanPath()", () => {
  test.each([
    ["usr/bin/env", "usr/bin/env"],
    ["./usr//bin/./env", "usr/bin/env"],
    ["/etc/passwd", "etc/passwd"],
    ["///", "."],
    ["./", "."],
    ["", "."],
    ["dir/", "dir"],
    ["...", "..."],
    ["a/..b/c..", "a/..b/c.."],
    ["\xff\xfe", "\xff\xfe"],
  ])("turns %p into %p", (raw, path) => {
    expect(clean(raw)).toBe(path);
  });

  test.each(["..", "../x", "a/../b", "a/..", "/../etc/passwd", "./.."])("refuses %p, naming it", (raw) => {
    expect(() => clean(raw)).toThrow(`read tar entry \`${raw}\`: its name leaves the archive's root`);
  });

  test("refuses a NUL and a name longer than the kernel takes", () => {
    expect(() => clean("a\0b")).toThrow("a NUL in its name");
    expect(() => clean("x".repeat(4096))).toThrow("a name of 4096 bytes");
    expect(clean("x".repeat(4095))).toHaveLength(4095);
  });
});
