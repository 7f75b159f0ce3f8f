import { expect, test } from "bun:test";
import { type ByteString, encodeText } from "../core/byte-string.ts";
import { readTarStream } from "./tar-stream.ts";
import { encodeHeader, padding, tarEnd } from "./tar-writer.ts";

const member = (path: string, data: string) => {
  const bytes = Buffer.from(data);
  const header = {
    path: encodeText(path),
    type: "file",
    mode: 0o644,
    uid: 1,
    gid: 2,
    mtime: { seconds: 3, nanos: 4 },
    size: bytes.length,
  } as const;
  return Buffer.concat([encodeHeader(header), bytes, padding(bytes.length)]);
};
const archive = Buffer.concat([member("a", "one"), member("b", ""), member("c", "x".repeat(3000)), tarEnd, Buffer.alloc(8192)]);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(bytes: Buffer, size: number, skip: ByteString | "" = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { entry, data } of readTarStream(inPieces(bytes, size))) {
    if (entry.path === skip) continue;
    let text = "";
    for await (const chunk of data()) text += Buffer.from(chunk).toString();
    found[entry.path] = text;
  }
  return found;
}

test("readTarStream() gives each entry its data, in whatever pieces the archive comes", async () => {
  for (const size of [1, 511, 512, 513, 100_000]) expect(await readAll(archive, size)).toEqual({ a: "one", b: "", c: "x".repeat(3000) });
});

test("readTarStream() goes on behind data that nobody reads", async () => {
  expect(Object.keys(await readAll(archive, 700, "c" as ByteString))).toEqual(["a", "b"]);
  expect(Object.keys(await readAll(archive, 700, "a" as ByteString))).toEqual(["b", "c"]);
});

test("readTarStream() refuses an archive that ends too early", async () => {
  for (const length of [100, 512 + 1, 512 * 4 + 10])
    expect(readAll(archive.subarray(0, length), 512)).rejects.toMatchObject({ code: "TAR_INVALID" });
});
