import { describe, expect, test } from "bun:test";
import { absolutePath, parseCopyEnd, placeCopy, rebase, renameFirst, splitPath } from "./copy-rules.ts";

test("parseCopyEnd() tells containers from paths as docker does", () => {
  expect(parseCopyEnd("box:/etc/passwd")).toEqual({ container: "box", path: "/etc/passwd" });
  expect(parseCopyEnd("box:a:b")).toEqual({ container: "box", path: "a:b" });
  for (const local of ["/a:b", "./a:b", "../a:b", ".:x", "plain", "-"]) expect(parseCopyEnd(local)).toEqual({ container: "", path: local });
});

test("absolutePath() keeps what a trailing slash or dot says", () => {
  expect(absolutePath("a/../b", "/base")).toBe("/base/b");
  expect(absolutePath("a/", "/base")).toBe("/base/a/");
  expect(absolutePath("a/.", "/base")).toBe("/base/a/.");
  expect(absolutePath(".", "/base")).toBe("/base/.");
  expect(absolutePath("/", "/base")).toBe("/");
});

test("splitPath() of a directory's contents is the dot in it", () => {
  expect(splitPath("/a/b")).toEqual({ directory: "/a", base: "b" });
  expect(splitPath("/a/b/")).toEqual({ directory: "/a", base: "b" });
  expect(splitPath("/a/b/.")).toEqual({ directory: "/a/b", base: "." });
  expect(splitPath("/")).toEqual({ directory: "/", base: "." });
});

test("rebase() keeps the name that was asked for", () => {
  expect(rebase("/a/link", "/b/link")).toEqual({ path: "/b/link" });
  expect(rebase("/a/link/", "/b/real")).toEqual({ path: "/b/real/", rebaseName: "link" });
  expect(rebase("/a/link/.", "/b/real")).toEqual({ path: "/b/real/." });
});

describe("placeCopy()", () => {
  const file = { path: "/s/file", exists: true, isDirectory: false };
  const directory = { path: "/s/dir", exists: true, isDirectory: true };
  test("into a directory that is there", () => {
    for (const source of [file, directory])
      expect(placeCopy(source, { path: "/d", exists: true, isDirectory: true })).toEqual({ directory: "/d" });
  });
  test("under a new name", () => {
    expect(placeCopy(file, { path: "/d/new", exists: false, isDirectory: false })).toEqual({ directory: "/d", name: "new" });
    expect(placeCopy(directory, { path: "/d/new/", exists: false, isDirectory: false })).toEqual({ directory: "/d", name: "new" });
    expect(placeCopy(file, { path: "/d/old", exists: true, isDirectory: false })).toEqual({ directory: "/d", name: "old" });
  });
  test("refuses what docker refuses, in its words", () => {
    expect(() => placeCopy(directory, { path: "/d/f", exists: true, isDirectory: false })).toThrow("cannot copy directory");
    expect(() => placeCopy(file, { path: "/d/new/", exists: false, isDirectory: false })).toThrow("no such directory");
  });
});

test("renameFirst() changes the first component alone", () => {
  const rename = renameFirst("old", "new");
  expect(["old", "old/x", "old/old", "older/x"].map(rename)).toEqual(["new", "new/x", "new/old", "older/x"]);
  expect([".", "x", "x/y"].map(renameFirst("", "new"))).toEqual(["new", "new/x", "new/x/y"]);
});
