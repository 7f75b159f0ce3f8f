import { describe, expect, test } from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type Compression, decompress, detectCompression } from "./compression.ts";

async function* chunks(bytes: Uint8Array, size = 10): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(kind: Exclude<Compression, "none">, bytes: Uint8Array): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of decompress(kind, chunks(bytes))) parts.push(part);
  return Buffer.concat(parts).toString();
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const text = "wherry ".repeat(1000);
const noise = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * 7919) % 251));

describe("detectCompression()", () => {
  test.each<[number[], Compression]>([
    [[0x1f, 0x8b, 8], "gzip"],
    [[0x28, 0xb5, 0x2f, 0xfd], "zstd"],
    [[0x50, 0x2a, 0x4d, 0x18], "zstd"],
    [[0x42, 0x5a, 0x68, 0x39], "bzip2"],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"],
    [[0x75, 0x73, 0x72], "none"],
    [[], "none"],
  ])("takes %p for %p", (head, kind) => {
    expect(detectCompression(Buffer.from(head))).toBe(kind);
  });

  test.each(["a zip archive: PK\x03\x04", "lz4: \x04\x22\x4d\x18", "compress (.Z): \x1f\x9d\x90"])(
    "names what it does not know: %p",
    (sample) => {
      const [what = "", head = ""] = sample.split(": ");
      expect(() => detectCompression(Buffer.from(head, "latin1"))).toThrow(`this is ${what}; a tar is taken`);
    },
  );
});

describe("decompress()", () => {
  test("restores gzip, several members too, and zstd", async () => {
    expect(await all("gzip", gzipSync(text))).toBe(text);
    expect(await all("gzip", Buffer.concat([gzipSync("a"), gzipSync("b")]))).toBe("ab");
    expect(await all("zstd", zstdCompressSync(text))).toBe(text);
    expect(await all("zstd", Buffer.concat([zstdCompressSync("a"), zstdCompressSync(""), zstdCompressSync("b")]))).toBe("ab");
  });

  test.each(["gzip", "zstd"] as const)("refuses damaged and truncated %s", async (kind) => {
    const whole = kind === "gzip" ? gzipSync(text) : zstdCompressSync(text);
    const code = { code: "COMPRESSION_INVALID" };
    for (let length = 1; length < whole.length; length++) expect(await failureOf(all(kind, whole.subarray(0, length)))).toMatchObject(code);
    expect(await failureOf(all(kind, Buffer.from("no such thing")))).toMatchObject(code);
  });

  test("restores zstd of many blocks, with and without a checksum, in chunks of any size", async () => {
    for (const checksum of [0, 1]) {
      const whole = zstdCompressSync(noise, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
      for (const size of [1, 7, 4096, 1_000_000]) {
        const parts: Buffer[] = [];
        for await (const part of decompress("zstd", chunks(whole, size))) parts.push(part);
        expect(Buffer.concat(parts).equals(noise)).toBe(true);
      }
    }
  });

  test("tells when the host lacks the program", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      for (const kind of ["xz", "bzip2"] as const) {
        const unavailable = { code: "COMPRESSION_UNAVAILABLE", message: expect.stringContaining(`this host has no \`${kind}\``) };
        expect(await failureOf(all(kind, Buffer.alloc(300_000)))).toMatchObject(unavailable);
      }
    } finally {
      process.env["PATH"] = path;
    }
  });

  test("passes on the source's own failure", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(text).subarray(0, 20);
      throw new Error("connection reset");
    }
    const read = async () => {
      for await (const _ of decompress("gzip", failing()));
    };
    await expect(read()).rejects.toThrow("connection reset");
  });
});
