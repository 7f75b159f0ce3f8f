import { describe, expect, test } from "bun:test";
import type { ByteString } from "../core/byte-string.ts";
import type { TreeSession } from "../kernel/tree-client.ts";
import type { TreeFd } from "../kernel/tree-records.ts";
import type { TreeEntry } from "../kernel/tree-replies.ts";
import { findMergedDirectory, listMerged } from "./merged-tree.ts";

/** A layer by path: `d` a directory, `o` an opaque one, `w` a whiteout, `-> x` a symlink, else a file with that content. */
type Layer = Readonly<Record<string, string>>;

function entryOf(path: string, kind: string): TreeEntry {
  const type = kind === "d" || kind === "o" ? "directory" : kind === "w" ? "character" : kind.startsWith("-> ") ? "symlink" : "file";
  return {
    path: path as ByteString,
    type,
    mode: 0o755,
    uid: 0,
    gid: 0,
    links: 1,
    major: 0,
    minor: 0,
    mtime: { seconds: 0, nanos: 0 },
    size: kind.length,
    allocatedBytes: 0,
    inode: 1n,
    device: 1n,
    target: (kind.startsWith("-> ") ? kind.slice(3) : "") as ByteString,
    xattrs: new Map(kind === "o" ? [["trusted.overlay.opaque" as ByteString, "y" as ByteString]] : []),
  };
}

/** As much of a session as the merge needs, on layers in memory; a lookup through a symlink or file finds nothing, as the launcher's. */
function sessionOf(layers: readonly Layer[]): TreeSession {
  const find = (layer: number, path: string): TreeEntry | undefined => {
    if (path === ".") return entryOf(".", "d");
    const parents = path.split("/").slice(0, -1);
    const through = parents.every((_, index) => ["d", "o"].includes(layers[layer]?.[parents.slice(0, index + 1).join("/")] ?? ""));
    const kind = through ? layers[layer]?.[path] : undefined;
    return kind === undefined ? undefined : entryOf(path, kind);
  };
  const session = {
    statMany: async (queries: readonly { readonly root: TreeFd; readonly path: ByteString }[]) =>
      queries.map(({ root, path }) => find(root - 4, path)),
    walk: async (root: TreeFd, path: ByteString, visit: (entry: TreeEntry) => void) => {
      const prefix = path === "." ? "" : `${path}/`;
      for (const name of Object.keys(layers[root - 4] ?? {}).sort()) {
        if (name.startsWith(prefix) && name !== prefix) visit(entryOf(name.slice(prefix.length), layers[root - 4]?.[name] ?? ""));
      }
    },
  };
  return session as unknown as TreeSession;
}

async function merged(layers: readonly Layer[], path: string): Promise<Readonly<Record<string, string>> | undefined> {
  const session = sessionOf(layers);
  const directory = await findMergedDirectory(session, layers.length, path as ByteString);
  if (directory === undefined) return undefined;
  const prefix = directory.path === "" ? "" : `${directory.path}/`;
  const entries = await listMerged(session, directory);
  return Object.fromEntries(entries.map(({ entry, layer }) => [entry.path as string, layers[layer]?.[`${prefix}${entry.path}`] ?? ""]));
}

describe("listMerged()", () => {
  test("shows the topmost of what several layers have, and all that they add", async () => {
    expect(
      await merged(
        [
          { data: "d", "data/both": "new", "data/sub": "d", "data/sub/up": "u" },
          { data: "d", "data/both": "old", "data/low": "l", "data/sub": "d", "data/sub/down": "d", "data/sub/down/f": "f" },
        ],
        "/data",
      ),
    ).toEqual({ both: "new", low: "l", sub: "d", "sub/down": "d", "sub/down/f": "f", "sub/up": "u" });
  });

  test("hides what is whited out, with all beneath, but not what is made anew above", async () => {
    expect(
      await merged(
        [
          { data: "d", "data/back": "again" },
          { data: "d", "data/gone": "w", "data/dir": "w", "data/back": "w", "data/di": "w" },
          {
            data: "d",
            "data/gone": "x",
            "data/dir": "d",
            "data/dir/f": "x",
            "data/back": "d",
            "data/back/f": "x",
            "data/dir-next": "stays",
            "data/di": "d",
          },
        ],
        "/data",
      ),
    ).toEqual({ back: "again", "dir-next": "stays" });
  });

  test("stops at opaque directories, at whatever depth", async () => {
    expect(
      await merged(
        [
          { data: "d", "data/top": "t", "data/sub": "d" },
          { data: "d", "data/sub": "o", "data/sub/middle": "m" },
          { data: "d", "data/low": "l", "data/sub": "d", "data/sub/low": "x" },
        ],
        "/data",
      ),
    ).toEqual({ top: "t", sub: "d", "sub/middle": "m", low: "l" });
    expect(
      await merged(
        [
          { data: "o", "data/a": "a" },
          { data: "d", "data/b": "x" },
        ],
        "/data",
      ),
    ).toEqual({ a: "a" });
  });

  test("a file beneath a directory of a higher layer hides what lies lower still", async () => {
    expect(
      await merged(
        [
          { data: "d", "data/x": "d" },
          { data: "d", "data/x": "file" },
          { data: "d", "data/x": "d", "data/x/low": "l" },
        ],
        "/data",
      ),
    ).toEqual({ x: "d" });
    expect(
      await merged(
        [
          { data: "d", "data/x": "file" },
          { data: "d", "data/x": "d", "data/x/low": "l" },
        ],
        "/data",
      ),
    ).toEqual({ x: "file" });
  });
});

describe("findMergedDirectory()", () => {
  test("follows symlinks inside the stack only, whichever layer has them", async () => {
    const layers = [
      { real: "d", "real/a": "a" },
      { link: "-> real", up: "-> ../../../real", chain: "-> /up", deep: "d", "deep/l": "-> ../real" },
    ];
    for (const path of ["/link", "/up", "/chain", "/deep/l", "/deep/../link/.", "/link/../real"])
      expect({ path, found: await merged(layers, path) }).toEqual({ path, found: { a: "a" } });
  });

  test("knows what is no directory, is not there, or leads in circles", async () => {
    const layers = [
      { file: "f", gone: "w", loop: "-> loop", ping: "-> pong", pong: "-> ping" },
      { gone: "d", "gone/x": "x", file: "d" },
    ];
    for (const path of ["/file", "/gone", "/gone/x", "/missing", "/loop", "/ping/x", "/file/x"])
      expect(await merged(layers, path)).toBeUndefined();
  });

  test("an opaque parent hides a lower directory of the same name", async () => {
    expect(await merged([{ a: "o" }, { a: "d", "a/b": "d", "a/b/x": "x" }], "/a/b")).toBeUndefined();
  });

  test("shows the whole stack for the root", async () => {
    expect(await merged([{ a: "1" }, { b: "2" }], "/")).toEqual({ a: "1", b: "2" });
  });
});
