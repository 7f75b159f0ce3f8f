import { describe, expect, test } from "bun:test";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { RecordWriter, recordFlags, treeFd } from "./tree-records.ts";
import { decodeEntry, FrameReader, treeError } from "./tree-replies.ts";

function frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt8(type, 4);
  return Buffer.concat([header, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, index * 4);
  return bytes;
}

const text = (value: string) => Buffer.concat([words(value.length), Buffer.from(`${value}\0`, "latin1")]);

describe("RecordWriter", () => {
  test("writes records one after the other, each with its length, into one frame", () => {
    const writer = new RecordWriter();
    writer.named(3, treeFd(0), "a\xff" as ByteString, recordFlags.missing);
    writer.sync(treeFd(1));
    expect(writer.records).toBe(2);
    const records = Buffer.concat([words(3 | (32 << 16), 19, 4), text("a\xff"), words(5, 12, 5)]);
    expect(writer.take().equals(frame(32, records))).toBe(true);
    expect(writer.size).toBe(0);
  });

  test("writes times before 1970 and sizes beyond 32 bits as 64-bit numbers, and grows as needed", () => {
    const writer = new RecordWriter();
    const xattrs = new Map([[encodeText("user.big"), "v".repeat(65_536) as ByteString]]);
    const entry = {
      path: encodeText("f"),
      type: "file",
      mode: 0o644,
      mtime: { seconds: -2, nanos: 5 },
      size: 2 ** 40 + 1,
      xattrs,
    } as const;
    writer.make(treeFd(0), entry, 0);
    writer.make(treeFd(0), entry, 0);
    const bytes = writer.take().subarray(8);
    expect(bytes.readUInt32LE(4) * 2).toBe(bytes.length);
    expect(bytes.readBigInt64LE(28)).toBe(-2n);
    expect(bytes.readBigUInt64LE(bytes.length - 12)).toBe(2n ** 40n + 1n);
  });
});

describe("RecordWriter, too much for a frame", () => {
  test("a record of too many pieces is refused, and leaves the others", () => {
    const writer = new RecordWriter();
    writer.sync(treeFd(0));
    const segments = Array.from({ length: 10_000 }, (_, at) => ({ fd: treeFd(1), offset: at, length: 1, fileOffset: at * 2 }));
    expect(() => writer.make(treeFd(0), { path: encodeText("f"), type: "file", segments }, 0)).toThrow("make `f`: too many");
    expect(writer.size).toBe(12);
  });
});

describe("FrameReader", () => {
  test("cuts frames out of chunks of any size", () => {
    const stream = Buffer.concat([frame(48, words(1)), frame(50, Buffer.alloc(0)), frame(51, words(7, 0))]);
    for (let size = 1; size <= stream.length; size++) {
      const reader = new FrameReader();
      const types: number[] = [];
      for (let at = 0; at < stream.length; at += size) {
        for (const { type, payload } of reader.push(stream.subarray(at, at + size))) types.push(type, payload.length);
      }
      expect(types).toEqual([48, 4, 50, 0, 51, 8]);
    }
  });
});

describe("decodeEntry()", () => {
  test("gives every field back", () => {
    const payload = Buffer.concat([
      words(0o120777, 1, 4_000_000_000, 2, 7, 300, -1, -1, 999, 5, 1, 8, 0, 42, 0, 2049, 0),
      text("d/\xff"),
      text("to"),
      words(1),
      text("user.a"),
      words(2),
      Buffer.from([0, 255]),
    ]);
    expect(decodeEntry(payload)).toEqual({
      path: "d/\xff" as ByteString,
      type: "symlink",
      mode: 0o777,
      uid: 1,
      gid: 4_000_000_000,
      links: 2,
      major: 7,
      minor: 300,
      mtime: { seconds: -1, nanos: 999 },
      size: 2 ** 32 + 5,
      allocatedBytes: 8,
      inode: 42n,
      device: 2049n,
      target: encodeText("to"),
      xattrs: new Map([[encodeText("user.a"), "\0\xff" as ByteString]]),
    });
  });
});

describe("treeError()", () => {
  test.each([
    ["mkdir a b/c", 28, "mkdir `a b/c`: no space left on device", "resourceExhausted"],
    ["look up etc", 40, "look up `etc`: a symbolic link is in the way", "internal"],
    ["read data of f", 61, "read data of `f`: the archive ends too early", "internal"],
    ["unlink x", 9999, "unlink `x`: 9999", "internal"],
  ])("tells of %p, errno %p", (detail, errno, message, kind) => {
    const error = treeError({ type: 16, payload: Buffer.concat([words(3, errno), Buffer.from(detail)]) });
    expect(error).toMatchObject({ code: "TREE_FAILED", message, kind, details: { index: 3 } });
  });
});
