import { describe, expect, test } from "bun:test";
import { encodeText } from "../core/byte-string.ts";
import type { TarEntry } from "./tar-entry.ts";
import { hidingPath, opaquePath, whiteoutOf } from "./whiteout.ts";

const entry = (path: string): TarEntry => ({
  path: encodeText(path),
  type: "file",
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanos: 0 },
  size: 0,
  target: encodeText(""),
  major: 0,
  minor: 0,
  xattrs: new Map(),
  segments: [],
});

describe("whiteoutOf()", () => {
  test.each([
    ["a/.wh.b", { kind: "hide", path: "a/b" }],
    [".wh.b", { kind: "hide", path: "b" }],
    ["a/.wh..b", { kind: "hide", path: "a/.b" }],
    ["a/.wh..wh..opq", { kind: "opaque", path: "a" }],
    [".wh..wh..opq", { kind: "opaque", path: "." }],
    [".wh..wh.plnk", { kind: "ignore" }],
    ["a/.wh..wh.aufs", { kind: "ignore" }],
  ])("takes %p for %p", (path, whiteout) => {
    expect(whiteoutOf(entry(path)) as unknown).toEqual(whiteout);
  });

  test.each(["a/b", ".wh/x", "a.wh.b", "wh.x"])("takes %p for an ordinary entry", (path) => {
    expect(whiteoutOf(entry(path))).toBeUndefined();
  });

  test.each(["a/.wh.", "a/.wh..", "a/.wh..."])("refuses %p, which names nothing", (path) => {
    expect(() => whiteoutOf(entry(path))).toThrow("a whiteout that names nothing");
  });

  test("reads the names that hidingPath() and opaquePath() make", () => {
    expect(whiteoutOf(entry(hidingPath(encodeText("a/b"))))).toEqual({ kind: "hide", path: encodeText("a/b") });
    expect(whiteoutOf(entry(opaquePath(encodeText("a/b"))))).toEqual({ kind: "opaque", path: encodeText("a/b") });
    expect(whiteoutOf(entry(opaquePath(encodeText("."))))).toEqual({ kind: "opaque", path: encodeText(".") });
  });
});
