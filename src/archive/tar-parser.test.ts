import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import type { ByteString } from "../core/byte-string.ts";
import { encodeText } from "../core/byte-string.ts";
import { formatPax } from "./pax-records.ts";
import type { TarEntry } from "./tar-entry.ts";
import { readTarFile } from "./tar-file.ts";
import { encodeHeader, padding, tarEnd, type TarMember, toEntry } from "./tar-writer.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-tar-`);
});
afterAll(() => rmSync(directory, { recursive: true }));

function read(...parts: readonly Uint8Array[]): TarEntry[] {
  writeFileSync(`${directory}/a.tar`, Buffer.concat(parts));
  const fd = openSync(`${directory}/a.tar`, "r");
  try {
    return [...readTarFile(fd)];
  } finally {
    closeSync(fd);
  }
}

const plain: TarMember = { path: encodeText("f"), type: "file", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 }, size: 0 };
const header = (member: Partial<TarMember>) => encodeHeader({ ...plain, ...member });
/** The same header with other bytes at an offset, and a checksum that fits. */
function patched(block: Buffer, offset: number, text: string): Buffer {
  const copy = Buffer.from(block);
  copy.write(text, offset, "latin1");
  copy.write("        ", 148, "latin1");
  let sum = 0;
  for (const byte of copy) sum += byte;
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}
const typed = (typeflag: string, member: Partial<TarMember> = {}) => patched(header(member), 156, typeflag);
function extended(records: Record<string, string>, typeflag = "x"): Buffer {
  const data = Buffer.from(
    Object.entries(records)
      .map(([key, value]) => formatPax(key, value))
      .join(""),
    "latin1",
  );
  return Buffer.concat([typed(typeflag, { path: encodeText("PaxHeaders/x"), size: data.length }), data, padding(data.length)]);
}
const data = (text: string) => Buffer.concat([Buffer.from(text), padding(text.length)]);

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const name = fc
  .string({ unit: byte.filter((character) => character !== "/"), minLength: 1, maxLength: 120 })
  .filter((text) => text !== "." && text !== "..");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/") as ByteString);
const time = fc.record({ seconds: fc.integer({ min: -(2 ** 35), max: 2 ** 40 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) });
const xattrs = fc
  .array(fc.tuple(fc.stringMatching(/^user\.[a-z]{1,10}$/), fc.string({ unit: byte, minLength: 1, maxLength: 50 })), { maxLength: 3 })
  .map((pairs) => new Map(pairs as [ByteString, ByteString][]));

describe("tar reader and writer", () => {
  test("what encodeHeader() writes, readTarFile() reads, for any names, numbers, times and xattrs", () => {
    const id = fc.integer({ min: 0, max: 0xffff_fffe });
    const common = { path, mode: fc.integer({ min: 0, max: 0o7777 }), uid: id, gid: id, mtime: time, xattrs };
    const member: fc.Arbitrary<TarMember> = fc.oneof(
      fc.record({ ...common, type: fc.constant("file" as const), size: fc.integer({ min: 0, max: 2000 }) }),
      fc.record({ ...common, type: fc.constantFrom("directory" as const, "fifo" as const), size: fc.constant(0) }),
      fc.record({
        ...common,
        type: fc.constant("symlink" as const),
        size: fc.constant(0),
        target: fc.string({ unit: byte, minLength: 1, maxLength: 200 }).map((text) => text as ByteString),
      }),
      fc.record({ ...common, type: fc.constant("hardlink" as const), size: fc.constant(0), target: path }),
      fc.record({
        ...common,
        type: fc.constantFrom("character" as const, "block" as const),
        size: fc.constant(0),
        major: fc.integer({ min: 0, max: 4095 }),
        minor: fc.integer({ min: 0, max: 1_048_575 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(member, { maxLength: 5 }), (members) => {
        const entries = read(...members.flatMap((one) => [encodeHeader(one), Buffer.alloc(one.size), padding(one.size)]), tarEnd);
        expect(entries).toHaveLength(members.length);
        for (const [index, one] of members.entries()) {
          const { segments, ...entry } = entries[index] ?? expect.unreachable();
          expect(entry).toEqual({
            path: one.path,
            type: one.type,
            mode: one.mode,
            uid: one.uid,
            gid: one.gid,
            mtime: one.mtime,
            size: one.size,
            target: one.target ?? encodeText(""),
            major: one.major ?? 0,
            minor: one.minor ?? 0,
            xattrs: one.xattrs ?? new Map(),
          });
          expect(toEntry(one, segments[0]?.offset ?? 0)).toEqual({ ...entry, segments });
        }
      }),
      { numRuns: 200 },
    );
  });

  test("tells where each file's data lies", () => {
    const [first, second] = read(
      header({ size: 3 }),
      data("abc"),
      header({ path: encodeText("g"), size: 600 }),
      Buffer.alloc(1024),
      tarEnd,
    );
    expect(first?.segments).toEqual([{ offset: 512, length: 3, fileOffset: 0 }]);
    expect(second?.segments).toEqual([{ offset: 1536, length: 600, fileOffset: 0 }]);
  });

  test("applies PAX records over the header and GNU long names, and forgets them afterwards", () => {
    const long = encodeText("n".repeat(150));
    const entries = read(
      extended({ path: "pax", uid: "3000000", "SCHILY.xattr.user.a": "\0\xff" }),
      header({ uid: 7 }),
      typed("L", { size: 151 }),
      data(`${long}\0`),
      header({}),
      header({}),
      tarEnd,
    );
    expect(entries.map((entry) => String(entry.path))).toEqual(["pax", String(long), "f"]);
    expect(entries.map((entry) => entry.uid)).toEqual([3_000_000, 0, 0]);
    expect([...(entries[0]?.xattrs ?? [])]).toEqual([[encodeText("user.a"), "\0\xff" as ByteString]]);
    expect(entries[1]?.xattrs.size).toBe(0);
  });

  test("applies a global header to all that follow, until a local one says otherwise", () => {
    const entries = read(extended({ uid: "5" }, "g"), header({}), extended({ uid: "6" }), header({}), header({}), tarEnd);
    expect(entries.map((entry) => entry.uid)).toEqual([5, 6, 5]);
  });

  test("takes a name that ends in a slash for a directory, as in old archives", () => {
    expect(read(header({ path: encodeText("d/") }), tarEnd)[0]).toMatchObject({ type: "directory", path: encodeText("d") });
  });

  test("ignores the size of entries that have no data", () => {
    const entries = read(patched(header({ type: "directory" }), 124, "00000001000"), header({}), tarEnd);
    expect(entries.map((entry) => entry.type)).toEqual(["directory", "file"]);
  });

  test("reads sparse files of the formats old GNU, 0.0, 0.1 and 1.0 alike", () => {
    const segments = (offset: number) => [
      { offset, length: 3, fileOffset: 1000 },
      { offset: offset + 3, length: 2, fileOffset: 5000 },
    ];
    const octal = (value: number) => `${value.toString(8).padStart(11, "0")}\0`;
    let old = typed("S", { size: 5 });
    for (const [index, value] of [1000, 3, 5000, 2].entries()) old = patched(old, 386 + index * 12, octal(value));
    old = patched(old, 483, octal(6000));
    old = patched(old, 257, "ustar  \0");
    expect(read(old, data("abcde"), tarEnd)[0]).toMatchObject({ size: 6000, segments: segments(512) });

    const first = extended({
      "GNU.sparse.major": "0",
      "GNU.sparse.map": "1000,3,5000,2",
      "GNU.sparse.size": "6000",
      "GNU.sparse.name": "real",
    });
    expect(read(first, header({ size: 5 }), data("abcde"), tarEnd)[0]).toMatchObject({
      path: encodeText("real"),
      size: 6000,
      segments: segments(1536),
    });

    const latest = extended({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "real", "GNU.sparse.realsize": "6000" });
    const map = Buffer.alloc(512);
    map.write("2\n1000\n3\n5000\n2\n");
    expect(read(latest, header({ size: 517 }), map, data("abcde"), header({ path: encodeText("next") }), tarEnd)).toMatchObject([
      { size: 6000, segments: segments(2048) },
      { path: encodeText("next") },
    ]);
  });

  test("reads an archive that lacks its end, and one that is followed by something else", () => {
    expect(read(header({}))).toHaveLength(1);
    expect(read(header({}), tarEnd, Buffer.from("rubbish"))).toHaveLength(1);
    expect(read()).toEqual([]);
  });
});

describe("tar reader, hostile archives", () => {
  const evil = (map: string, size = 5) => [extended({ "GNU.sparse.map": map, "GNU.sparse.size": "6000" }), header({ size }), data("abcde")];
  test.each<[string, () => Buffer[], string]>([
    ["a name that leaves the root", () => [header({ path: encodeText("a/../../b") })], "`a/../../b`: its name leaves the archive's root"],
    ["a hard link that does", () => [header({ type: "hardlink", target: encodeText("../b") })], "`../b`: its name leaves"],
    ["a PAX name that does", () => [extended({ path: "../../x" }), header({})], "`../../x`: its name leaves"],
    ["a NUL in a PAX name", () => [extended({ path: "a\0b" }), header({})], "a NUL in its name"],
    ["an absurd uid", () => [extended({ uid: "4294967295" }), header({})], "`f`: an absurd uid (4294967295)"],
    ["a negative size", () => [patched(header({}), 124, "\xff".repeat(12))], "`f`: a negative size"],
    ["a size beyond the archive", () => [header({ size: 5000 }), data("abc")], "`f`: the archive ends too early"],
    ["a PAX size beyond any archive", () => [extended({ size: "9007199254740991" }), header({})], "`f`: the archive ends too early"],
    ["an unknown type", () => [typed("Q")], '`f`: an unknown type of entry ("Q")'],
    ["a huge extended header", () => [typed("x", { size: 1024 * 1024 + 1 })], "an extended header of 1048577 bytes"],
    ["a symlink to nothing", () => [header({ type: "symlink" })], "`f`: a link with an impossible target"],
    ["a sparse map out of order", () => evil("1000,3,500,2"), "`f`: a sparse map out of order or bounds"],
    ["a sparse map beyond the file", () => evil("5999,3"), "`f`: a sparse map out of order or bounds"],
    ["a sparse map of more than is stored", () => evil("0,5000"), "`f`: a sparse map of more data than is stored"],
    ["half a sparse map", () => evil("1000"), "`f`: a malformed sparse map"],
    ["a cut header", () => [header({}).subarray(0, 300)], "not a tar archive"],
    ["a cut header later", () => [header({}), header({}).subarray(0, 300)], "the archive ends too early"],
    ["no archive at all", () => [Buffer.alloc(2000, "hello ")], "not a tar header"],
    ["an impossible time", () => [extended({ mtime: "1.2.3" }), header({})], "`f`: a malformed time"],
  ])("refuses %s", (_what, parts, message) => {
    expect(() => read(...parts())).toThrow(message);
  });
});
