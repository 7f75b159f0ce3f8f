import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ByteString } from "../core/byte-string.ts";
import { formatPax, formatTime, type PaxRecords, parsePax, paxNumber, paxTime } from "./pax-records.ts";

const parse = (text: string): PaxRecords => {
  const records: PaxRecords = new Map();
  parsePax(Buffer.from(text, "latin1"), records, "entry");
  return records;
};

const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

describe("PAX records", () => {
  test("formatPax() counts its own length, also where that adds a digit", () => {
    expect(formatPax("a", "b")).toBe("6 a=b\n");
    expect(formatPax("a", "b".repeat(4))).toBe("9 a=bbbb\n");
    expect(formatPax("a", "b".repeat(5))).toBe("11 a=bbbbb\n");
    expect(formatPax("a", "b".repeat(93))).toBe(`99 a=${"b".repeat(93)}\n`);
    expect(formatPax("a", "b".repeat(94))).toBe(`101 a=${"b".repeat(94)}\n`);
  });

  test("parsePax() reads what formatPax() wrote, whatever bytes the value holds", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(parse(formatPax("SCHILY.xattr.user.x", value)).get("SCHILY.xattr.user.x")).toBe(value as ByteString);
      }),
    );
  });

  test("parsePax() joins the repeated keys of sparse format 0.0", () => {
    const text = ["offset=0", "numbytes=5", "offset=10", "numbytes=2"].map((record) =>
      formatPax(`GNU.sparse.${record.split("=")[0]}`, record.split("=")[1] ?? ""),
    );
    expect(String(parse(text.join("")).get("GNU.sparse.map"))).toBe("0,5,10,2");
  });

  test.each(["5 a=b\n", "7 a=b\n", "x a=b\n", "6 a=b", "0 a=b\n", "-6 a=b\n", "99999999999 a=b\n", "5 a\nb", " 6 a=b\n", "4 =\n"])(
    "parsePax() refuses %p",
    (text) => {
      expect(() => parse(text)).toThrow("read tar entry `entry`");
    },
  );

  test.each([
    ["0", { seconds: 0, nanos: 0 }],
    ["1700000000.5", { seconds: 1_700_000_000, nanos: 500_000_000 }],
    ["12.0000000019", { seconds: 12, nanos: 1 }],
    ["-1.876543211", { seconds: -2, nanos: 123_456_789 }],
    ["-5", { seconds: -5, nanos: 0 }],
    ["3.", { seconds: 3, nanos: 0 }],
  ])("paxTime() reads %p", (text, time) => {
    expect(paxTime(text, "entry")).toEqual(time);
  });

  test("formatTime() is read back exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), fc.integer({ min: 0, max: 999_999_999 }), (seconds, nanos) => {
        expect(paxTime(formatTime({ seconds, nanos }), "entry")).toEqual({ seconds, nanos });
      }),
    );
  });

  test.each(["", "1e3", "-1", "9007199254740992", "0x10", " 1"])("paxNumber() refuses %p", (text) => {
    expect(() => paxNumber(text, "entry")).toThrow("an absurd number");
  });
});
