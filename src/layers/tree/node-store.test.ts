import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../../core/brands.ts";
import type { ByteString } from "../../core/byte-string.ts";
import { impliedDirectory, type LayerNode } from "./layer-node.ts";
import { NodeStore } from "./node-store.ts";

const directory = mkdtempSync(`${tmpdir()}/node-store-`) as HostPath;
afterAll(() => rmSync(directory, { recursive: true }));

/** Of all kinds and lengths: some are longer than a page, and many span two. */
function node(index: number): LayerNode {
  const common = { ...impliedDirectory, mode: index % 4096, uid: 4_000_000_000 + (index % 7), gid: index };
  const mtime = { seconds: index % 2 === 0 ? -index : 2 ** 40 + index, nanos: index };
  switch (index % 5) {
    case 0:
      return { ...common, mtime, type: "file", size: 2 ** 43 + index, data: 512 * index };
    case 1:
      return { ...common, mtime, type: "symlink", target: "\u00fft".repeat(index % 2000) as ByteString };
    case 2:
      return { ...common, mtime, type: "block", major: 259, minor: 70_000 };
    case 3: {
      const data = Array.from({ length: index % 300 }, (_, at) => ({ offset: 2 ** 41 + at, length: at + 1, fileOffset: 2 ** 42 + at }));
      return { ...common, mtime, type: "file", size: 2 ** 43, data };
    }
    default:
      return { ...common, mtime, type: "directory", xattrs: new Map([["user.a" as ByteString, "v".repeat(index % 9000) as ByteString]]) };
  }
}

test.each([
  ["a few, which stay objects", 100],
  ["some, whose records make no file", 500],
  ["more than are kept in memory", 30_000],
])("get() gives back what add() was given, in any order: %s", (_what, count) => {
  using spool = new NodeStore(`${directory}/spool` as HostPath);
  const numbers = Array.from({ length: count }, (_, index) => spool.add(node(index)));
  for (let round = 0; round < count; round++) {
    const index = (round * 7919) % count;
    expect(spool.get(numbers[index] ?? 0)).toEqual(node(index));
  }
  // The file has no name.
  expect(readdirSync(directory)).toEqual([]);
});
