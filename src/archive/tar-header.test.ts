import { describe, expect, test } from "bun:test";
import { encodeText } from "../core/byte-string.ts";
import { numberField, parseHeader } from "./tar-header.ts";
import { encodeHeader } from "./tar-writer.ts";

const member = { path: encodeText("f"), type: "file", mode: 0o644, uid: 1, gid: 2, mtime: { seconds: 3, nanos: 0 }, size: 4 } as const;
const field = (bytes: number[]) => numberField(Buffer.from(bytes), 0, bytes.length, "f");
const octal = (text: string) => numberField(Buffer.from(text, "latin1"), 0, text.length, "f");

describe("parseHeader()", () => {
  test("reads the fields of a ustar block", () => {
    expect(parseHeader(encodeHeader(member))).toMatchObject({
      name: encodeText("f"),
      mode: 0o644,
      uid: 1,
      gid: 2,
      size: 4,
      mtime: 3,
      typeflag: "0",
    });
  });

  test("takes a block of zeros for the end", () => {
    expect(parseHeader(Buffer.alloc(512))).toBeNull();
  });

  test("refuses a block whose checksum is wrong", () => {
    const block = encodeHeader(member);
    block[0] = 0x67;
    expect(() => parseHeader(block)).toThrow("not a tar header");
  });

  test("takes the signed sum that old Sun tars wrote", () => {
    const block = encodeHeader({ ...member, path: "\xe9" as typeof member.path });
    let sum = 0;
    for (let at = 0; at < 512; at++) sum += at >= 148 && at < 156 ? 0x20 : block.readInt8(at);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    expect(String(parseHeader(block)?.name)).toBe("\xe9");
  });
});

describe("numberField()", () => {
  test("reads octal with the blanks and NULs that tars put around it", () => {
    expect(octal("0000644\0")).toBe(0o644);
    expect(octal("   644 \0")).toBe(0o644);
    expect(octal("00000000644")).toBe(0o644);
    expect(octal("\0\0\0\0")).toBe(0);
    expect(octal("        ")).toBe(0);
    expect(octal("12\0garb")).toBe(0o12);
  });

  test("reads base 256, negative numbers too", () => {
    expect(field([0x80, 0, 0, 0, 0, 0, 1, 0])).toBe(256);
    expect(field([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe])).toBe(-2);
    expect(field([0x80, 0, 0, 0x20, 0, 0, 0, 0])).toBe(2 ** 37);
  });

  test("refuses what is no number, or too big to be exact", () => {
    expect(() => octal("0x644\0")).toThrow("a number that is not octal");
    expect(() => octal("-1\0")).toThrow("a number that is not octal");
    expect(() => field([0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toThrow("an absurd number");
  });
});
