import { describe, expect, test } from "bun:test";
import { formatBinarySize, formatDecimalSize, parseSize } from "./size.ts";

describe("parseSize()", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["32b", 32],
    ["32k", 32768],
    ["32KB", 32768],
    ["32KiB", 32768],
    ["512m", 512 * 1024 ** 2],
    ["1.5g", 1.5 * 1024 ** 3],
    [".5g", 0.5 * 1024 ** 3],
    ["2T", 2 * 1024 ** 4],
    ["1p", 1024 ** 5],
    ["3 MB", 3 * 1024 ** 2],
  ])("reads %p as %p bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([
    ["12x", "invalid suffix: 'x'"],
    ["12bb", "invalid suffix: 'bb'"],
    ["12mbb", "invalid suffix: 'mbb'"],
    ["", "invalid size: ''"],
    ["m", "invalid size: 'm'"],
    ["-1", "invalid size: '-1'"],
    ["1..5m", "invalid size: '1..5m'"],
    ["1,5m", "invalid size: '1,5m'"],
    ["9999999p", "invalid size: '9999999p' is too large"],
  ])("refuses %p", (text, message) => {
    expect(() => parseSize(text)).toThrow(message);
  });
});

describe("formatDecimalSize()", () => {
  test.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [1234, "1.23kB"],
    [187_400_000, "187MB"],
    [1_500_000_000, "1.5GB"],
    [999_999, "1000kB"],
  ])("writes %p as %p, with three significant digits", (bytes, text) => {
    expect(formatDecimalSize(bytes)).toBe(text);
  });
});

describe("formatBinarySize()", () => {
  test.each([
    [0, "0B"],
    [1024, "1KiB"],
    [3 * 1024 ** 2 + 300_000, "3.286MiB"],
    [8 * 1024 ** 3, "8GiB"],
  ])("writes %p as %p, with four significant digits", (bytes, text) => {
    expect(formatBinarySize(bytes)).toBe(text);
  });
});
