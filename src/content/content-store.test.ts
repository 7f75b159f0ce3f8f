import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Digest } from "../core/brands.ts";
import { ContentStore } from "./content-store.ts";

let root: string;
let store: ContentStore;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-content-`);
  store = new ContentStore(root);
});
afterEach(() => rmSync(root, { recursive: true }));

const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}` as Digest;
const ingesting = () => readdirSync(`${root}/content/ingest`);

describe("ContentStore", () => {
  test("put() names bytes by their SHA-256, and is idempotent", () => {
    const blob = store.put(Buffer.from("hello"));
    expect(blob).toEqual({ digest: digestOf("hello"), sizeBytes: 5 });
    expect(store.put(Buffer.from("hello"))).toEqual(blob);
    expect(store.read(blob.digest).toString()).toBe("hello");
    expect(ingesting()).toEqual([]);
  });

  test("a blob has its name only once it is published", () => {
    using writer = store.begin();
    writer.write(Buffer.from("he"));
    writer.write(Buffer.from("llo"));
    const { digest } = writer.finish();
    expect(store.has(digest)).toBe(false);
    writer.publish();
    expect(store.has(digest)).toBe(true);
    expect(writer.publish().digest).toBe(digest);
  });

  test("what is not published is gone after disposal", () => {
    {
      using writer = store.begin();
      writer.write(Buffer.from("x"));
      expect(ingesting()).toHaveLength(1);
    }
    {
      using writer = store.begin();
      writer.finish();
    }
    expect(ingesting()).toEqual([]);
  });

  test("begin() with a descriptor takes nothing else", () => {
    const expected = { digest: digestOf("hello"), sizeBytes: 5 };
    {
      using writer = store.begin(expected);
      expect(() => writer.write(Buffer.from("hello!"))).toThrow(expect.objectContaining({ code: "BLOB_TOO_LARGE" }));
    }
    for (const text of ["hellO", "hell"]) {
      using writer = store.begin(expected);
      writer.write(Buffer.from(text));
      expect(() => writer.publish()).toThrow(expect.objectContaining({ code: "BLOB_DIGEST_MISMATCH" }));
      expect(ingesting()).toEqual([]);
    }
    using writer = store.begin(expected);
    writer.write(Buffer.from("hello"));
    expect(writer.publish()).toEqual(expected);
  });

  /** As another process does: behind the first byte. */
  const writeBehind = (path: string, text: string): void => {
    const fd = openSync(path, "r+");
    writeSync(fd, text, 1);
    closeSync(fd);
  };

  test("takeWritten() counts what somebody else has put into the file", () => {
    using writer = store.begin();
    const text = "z".repeat(3_000_000);
    writer.write(Buffer.from("<"));
    writeBehind(writer.path, text);
    expect(() => writer.takeWritten(text.length + 1)).toThrow(RangeError);
  });

  test("takeWritten() stands between what is written", () => {
    using writer = store.begin();
    const text = "z".repeat(3_000_000);
    writer.write(Buffer.from("<"));
    writeBehind(writer.path, text);
    writer.takeWritten(text.length);
    writer.write(Buffer.from(">"));
    expect(writer.sizeBytes).toBe(text.length + 2);
    const { digest } = writer.publish();
    expect(digest).toBe(digestOf(`<${text}>`));
    expect(store.read(digest).toString()).toBe(`<${text}>`);
  });

  test("seal() tells the digest, and finish() the same", () => {
    using writer = store.begin();
    writer.write(Buffer.from("hello"));
    const sealed = writer.seal();
    expect(sealed).toEqual({ digest: digestOf("hello"), sizeBytes: 5 });
    expect(writer.finish()).toEqual(sealed);
    expect(store.has(sealed.digest)).toBe(false);
  });

  test("remove() is idempotent, read() then tells", () => {
    const { digest } = store.put(Buffer.from("x"));
    store.remove(digest);
    store.remove(digest);
    expect(() => store.read(digest)).toThrow(expect.objectContaining({ code: "BLOB_NOT_FOUND" }));
  });

  test.each(["sha256:../../etc/passwd", "sha512:abc", "", `sha256:${"A".repeat(64)}`])("path() refuses %p", (digest) => {
    expect(() => store.path(digest as Digest)).toThrow(expect.objectContaining({ code: "INVALID_DIGEST" }));
  });

  test("collect() removes what dead processes left, and only that", () => {
    using writer = store.begin();
    const left = ["1-1-000000000000-aa", "rubbish", `${process.pid}-1-abcdefabcdef-aa`];
    for (const name of left) writeFileSync(`${root}/content/ingest/${name}`, "");
    store.collect();
    expect(ingesting()).toEqual([writer.path.slice(writer.path.lastIndexOf("/") + 1)]);
  });
});
