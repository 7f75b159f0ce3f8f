import { afterEach, beforeEach, describe, expect, type test as bunTest } from "bun:test";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { encodeHeader, padding, tarEnd, type TarMember } from "../../src/archive/tar-writer.ts";
import { type ByteString, encodeText } from "../../src/core/byte-string.ts";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { TreeSession } from "../../src/kernel/tree-client.ts";
import { treeFd } from "../../src/kernel/tree-records.ts";
import type { TreeEntry } from "../../src/kernel/tree-replies.ts";
import type { LayerDriver } from "../../src/layers/layer-driver.ts";

export interface LayerDriverSetup {
  readonly name: string;
  readonly test: typeof bunTest;
  readonly launcher: string;
  /** A new directory for one test. */
  readonly directory: () => string;
  /** A driver on a data root; called twice on one root for two "processes". */
  readonly create: (root: string) => LayerDriver;
  /** Takes away what a driver keeps mounted for a data root. */
  readonly close: (root: string) => void;
  /** Makes the stacked layers visible as a directory (by overlayfs, read only); the function returned undoes it. */
  readonly mount: (lowers: readonly HostPath[], at: string) => () => void;
}

export interface Member extends Partial<Omit<TarMember, "path" | "target" | "xattrs">> {
  readonly path: string;
  readonly data?: string;
  readonly target?: string;
  readonly xattrs?: Record<string, string>;
}

/** An archive of these members, with the end marks. */
export function archive(...members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  for (const { path, data = "", target = "", xattrs = {}, ...member } of members) {
    const bytes = Buffer.from(data);
    const names = new Map(Object.entries(xattrs) as [ByteString, ByteString][]);
    const rest = { type: "file", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1_000_000_000, nanos: 0 }, ...member } as const;
    parts.push(
      encodeHeader({ ...rest, path: encodeText(path), target: encodeText(target), xattrs: names, size: member.size ?? bytes.length }),
      bytes,
      padding(bytes.length),
    );
  }
  return Buffer.concat([...parts, tarEnd]);
}

/** What every LayerDriver must do. */
export function layerDriverContract(setup: LayerDriverSetup): void {
  const { test } = setup;

  describe(`LayerDriver contract: ${setup.name}`, () => {
    let base: string;
    let root: string;
    let driver: LayerDriver;
    beforeEach(() => {
      base = mkdtempSync(`${setup.directory()}/contract-`);
      root = `${base}/root`;
      mkdirSync(root);
      driver = setup.create(root);
    });
    afterEach(() => {
      setup.close(root);
      rmSync(base, { recursive: true, force: true });
    });

    const write = (bytes: Buffer) => {
      const diffId = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as DiffId;
      const path = `${base}/${diffId.slice(7, 19)}.tar` as HostPath;
      writeFileSync(path, bytes);
      return { diffId, path };
    };
    const add = async (...members: readonly Member[]) => {
      const { diffId, path } = write(archive(...members));
      return driver.add(diffId, path);
    };
    /** The merged view of layers, bottom first: path to entry and content. */
    const view = async (...layers: readonly DiffId[]) => {
      const at = `${base}/merged`;
      mkdirSync(at, { recursive: true });
      const unmount = setup.mount(driver.lowers(layers), at);
      try {
        return await describeTree(setup.launcher, at);
      } finally {
        unmount();
      }
    };
    const everything = () => readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());

    test("add() keeps types, modes, owners, times, links, devices, xattrs and any name", async () => {
      const long = "n".repeat(200);
      const { diffId, sizeBytes } = await add(
        { path: "dir", type: "directory", mode: 0o1751, uid: 5, gid: 6, mtime: { seconds: 1, nanos: 2 } },
        {
          path: "dir/file",
          data: "hello",
          mode: 0o4755,
          uid: 4_000_000_000,
          gid: 7,
          mtime: { seconds: -1, nanos: 999_999_999 },
          xattrs: { "user.a": "\0b", "trusted.b": "c" },
        },
        { path: "dir/hard", type: "hardlink", target: "dir/file" },
        { path: "link", type: "symlink", target: "../../etc/passwd", uid: 1 },
        { path: "null", type: "character", major: 1, minor: 3, mode: 0o666 },
        { path: "loop", type: "block", major: 7, minor: 300, mode: 0o2600, gid: 6 },
        { path: "pipe", type: "fifo", mode: 0o600 },
        { path: `${long}/${long}`, data: "deep" },
        { path: "empty" },
      );
      expect(sizeBytes).toBe(9);
      expect(driver.has(diffId)).toBe(true);
      const tree = await view(diffId);
      expect(tree.get("dir")).toMatchObject({ type: "directory", mode: 0o1751, uid: 5, gid: 6, mtime: { seconds: 1, nanos: 2 } });
      expect(tree.get("dir/file")).toMatchObject({
        type: "file",
        mode: 0o4755,
        uid: 4_000_000_000,
        gid: 7,
        links: 2,
        mtime: { seconds: -1, nanos: 999_999_999 },
        text: "hello",
      });
      expect(tree.get("dir/file")?.xattrs.get("user.a" as ByteString)).toBe("\0b" as ByteString);
      expect(tree.get("dir/file")?.xattrs.get("trusted.b" as ByteString)).toBe("c" as ByteString);
      expect(tree.get("dir/hard")?.inode).toBe(tree.get("dir/file")?.inode ?? 0n);
      expect(tree.get("link")).toMatchObject({
        type: "symlink",
        target: encodeText("../../etc/passwd"),
        uid: 1,
        mtime: { seconds: 1_000_000_000, nanos: 0 },
      });
      expect(tree.get("null")).toMatchObject({ type: "character", major: 1, minor: 3, mode: 0o666 });
      expect(tree.get("loop")).toMatchObject({ type: "block", major: 7, minor: 300, mode: 0o2600, gid: 6 });
      expect(tree.get("pipe")).toMatchObject({ type: "fifo", mode: 0o600 });
      expect(tree.get(`${long}/${long}`)?.text).toBe("deep");
      expect(tree.get("empty")).toMatchObject({ type: "file", size: 0 });
    });

    test("names that are not UTF-8 stay as they are", async () => {
      const name = "caf\xe9 \xff\n\u0001";
      const { diffId, path } = write(
        Buffer.concat([
          encodeHeader({ path: name as ByteString, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 }, size: 0 }),
          tarEnd,
        ]),
      );
      await driver.add(diffId, path);
      expect([...(await view(diffId)).keys()]).toEqual([name]);
    });

    test("a later entry takes the place of an earlier one of its name, whatever both are", async () => {
      const { diffId } = await add(
        { path: "a", data: "one" },
        { path: "a", data: "two" },
        { path: "b", type: "directory" },
        { path: "b/in", data: "x" },
        { path: "b", data: "file now" },
        { path: "c", type: "symlink", target: "a" },
        { path: "c", type: "directory", mode: 0o700 },
        { path: "c/in", data: "y" },
        { path: "d", type: "directory", mode: 0o700 },
        { path: "d/in", data: "z" },
        { path: "d", type: "directory", mode: 0o750 },
      );
      const tree = await view(diffId);
      expect(tree.get("a")?.text).toBe("two");
      expect(tree.get("b")?.text).toBe("file now");
      expect(tree.get("c/in")?.text).toBe("y");
      expect(tree.get("d")?.mode).toBe(0o750);
      expect(tree.get("d/in")?.text).toBe("z");
    });

    test("parents without an entry of their own are made", async () => {
      const { diffId } = await add({ path: "x/y/z", data: "deep" });
      const tree = await view(diffId);
      expect(tree.get("x/y")).toMatchObject({ type: "directory", mode: 0o755, uid: 0 });
    });

    test("whiteouts hide what is below, opaque directories all of it", async () => {
      const { diffId: below } = await add(
        { path: "gone", data: "1" },
        { path: "kept", data: "2" },
        { path: "dir/gone", data: "3" },
        { path: "dir/kept", data: "4" },
        { path: "opaque/gone", data: "5" },
        { path: "replaced/old", data: "6" },
        { path: "tree/gone/deep", data: "7" },
      );
      const { diffId: above } = await add(
        { path: ".wh.gone" },
        { path: "dir", type: "directory", mode: 0o755 },
        { path: "dir/.wh.gone" },
        { path: "opaque/.wh..wh..opq" },
        { path: "opaque", type: "directory", mode: 0o711 },
        { path: "opaque/new", data: "8" },
        { path: ".wh.replaced" },
        { path: "replaced", type: "directory", mode: 0o755 },
        { path: "replaced/new", data: "9" },
        { path: "tree/.wh.gone" },
        { path: ".wh..wh.plnk", type: "directory" },
        { path: ".wh.never" },
      );
      const tree = await view(below, above);
      expect([...tree.keys()]).toEqual(["dir", "dir/kept", "kept", "opaque", "opaque/new", "replaced", "replaced/new", "tree"]);
      expect(tree.get("opaque")?.mode).toBe(0o711);
      expect([...(await view(below)).keys()]).toContain("gone");
    });

    test("a whiteout speaks of lower layers only, whichever comes first", async () => {
      const { diffId: below } = await add({ path: "d/old", data: "1" }, { path: "f", data: "2" });
      for (const order of [0, 1]) {
        const own: Member[] = [
          { path: "d/new", data: "3" },
          { path: "f", data: "4" },
        ];
        const hides: Member[] = [{ path: ".wh.d" }, { path: ".wh.f" }];
        const { diffId: above } = await add({ path: `order${order}` }, ...(order === 0 ? [...own, ...hides] : [...hides, ...own]));
        const tree = await view(below, above);
        expect([...tree.keys()]).toEqual(["d", "d/new", "f", `order${order}`]);
        expect(tree.get("f")?.text).toBe("4");
      }
    });

    test("names lead through the symlinks of their layer, inside of it", async () => {
      const { diffId } = await add(
        { path: "var/run", type: "symlink", target: "/run" },
        { path: "var/run/pid", data: "1" },
        { path: "var/run/dir", type: "directory", mode: 0o700 },
        { path: "up", type: "symlink", target: "../../../var/run/dir" },
        { path: "up/deep/f", data: "2" },
        { path: "hard", type: "hardlink", target: "up/deep/f" },
        { path: "up/.wh.gone" },
        { path: "var/run", type: "directory", mode: 0o755 },
        { path: "var/run/own", data: "3" },
      );
      const tree = await view(diffId);
      const paths = ["hard", "run", "run/dir", "run/dir/deep", "run/dir/deep/f", "run/pid", "up", "var", "var/run", "var/run/own"];
      expect([...tree.keys()].filter((path) => !path.endsWith("gone"))).toEqual(paths);
      expect(["hard", "run/pid", "var/run/own"].map((path) => tree.get(path)?.text)).toEqual(["2", "1", "3"]);
    });

    test("overlayfs's own attributes in an archive are not believed", async () => {
      const { diffId: below } = await add({ path: "secret/x", data: "1" }, { path: "d/y", data: "2" });
      const { diffId: above } = await add({
        path: "d",
        type: "directory",
        mode: 0o755,
        xattrs: { "trusted.overlay.redirect": "/secret", "trusted.overlay.opaque": "y" },
      });
      expect([...(await view(below, above)).keys()]).toEqual(["d", "d/y", "secret", "secret/x"]);
    });

    test("add() is idempotent, also for a second process, and safe to race", async () => {
      const { diffId, path } = write(archive({ path: "a", data: "x".repeat(100_000) }));
      const others = Array.from({ length: 4 }, () => setup.create(root));
      const infos = await Promise.all(others.map((other) => other.add(diffId, path)));
      for (const info of infos) expect(info).toEqual({ diffId, sizeBytes: 100_000 });
      expect(await driver.add(diffId, path)).toEqual({ diffId, sizeBytes: 100_000 });
      expect((await view(diffId)).get("a")?.size).toBe(100_000);
    });

    test("lowers() gives the topmost layer first", async () => {
      const { diffId: one } = await add({ path: "f", data: "1" });
      const { diffId: two } = await add({ path: "f", data: "2" });
      expect(driver.lowers([one, two])).toEqual([...driver.lowers([two]), ...driver.lowers([one])]);
      expect((await view(one, two)).get("f")?.text).toBe("2");
      expect((await view(two, one)).get("f")?.text).toBe("1");
    });

    test("lowers() gives a layer that an image has several times once: overlayfs stacks none twice", async () => {
      const { diffId: base } = await add({ path: "hidden", data: "1" }, { path: "d/base", data: "1" });
      const { diffId: twice } = await add({ path: ".wh.hidden" }, { path: "d/twice", data: "1" }, { path: "e/.wh..wh..opq" });
      const { diffId: between } = await add(
        { path: "hidden", data: "2" },
        { path: "d/twice", data: "2" },
        { path: "e/between", data: "2" },
      );
      const tree = await view(base, twice, between, twice);
      expect([...tree.keys()].sort()).toEqual(["d", "d/base", "d/twice", "e"]);
      expect(tree.get("d/twice")?.text).toBe("1");
    });

    test("remove() and detach() take a layer away, idempotently", async () => {
      const { diffId } = await add({ path: "d/f", data: "1" });
      const deleteFiles = driver.detach(diffId);
      expect(driver.has(diffId)).toBe(false);
      await deleteFiles();
      await driver.remove(diffId);
      await driver.detach(diffId)();
      expect(everything()).toEqual([]);
    });

    test.each<[string, readonly Member[], string]>([
      ["a name that leaves the root", [{ path: "a" }, { path: "../b" }], "../b"],
      ["a hard link that does", [{ path: "b", type: "hardlink", target: "../../etc/passwd" }], "../../etc/passwd"],
      ["a hard link to nothing in the archive", [{ path: "b", type: "hardlink", target: "etc/passwd" }], "etc/passwd"],
      [
        "a name through symlinks that lead round",
        [
          { path: "a", type: "symlink", target: "b" },
          { path: "b", type: "symlink", target: "./a" },
          { path: "a/x", data: "1" },
        ],
        "a/x",
      ],
      [
        "a name through a symlink to a file",
        [
          { path: "a", type: "symlink", target: "f" },
          { path: "f", data: "1" },
          { path: "a/x", data: "1" },
        ],
        "a/x",
      ],
      ["a whiteout of nothing", [{ path: "d/.wh..." }], "d/.wh..."],
      ["a component longer than the file system takes", [{ path: "n".repeat(256) }], "nnnn"],
      ["a root that is no directory", [{ path: ".", type: "file" }], "."],
    ])("add() refuses %s, and leaves nothing", async (_what, members, name) => {
      const failure = await failureOf(add({ path: "before", data: "x" }, ...members));
      expect(failure?.code).toBe("LAYER_INVALID_TAR");
      expect(failure?.message).toContain(name);
      expect(everything()).toEqual([]);
    });

    test("add() refuses a cut archive and what is no archive", async () => {
      const whole = archive({ path: "a", data: "x".repeat(5000) });
      for (const bytes of [whole.subarray(0, 3000), whole.subarray(0, 100), Buffer.from("hello".repeat(1000))]) {
        const { diffId, path } = write(bytes);
        expect(await failureOf(driver.add(diffId, path))).toMatchObject({ code: "LAYER_INVALID_TAR" });
      }
      expect(everything()).toEqual([]);
    });

    test("add() stops when it is told to, and leaves nothing", async () => {
      const { diffId, path } = write(archive({ path: "a", data: "x" }));
      expect(await failureOf(driver.add(diffId, path, { signal: AbortSignal.abort() }))).toBeInstanceOf(Error);
      expect(driver.has(diffId)).toBe(false);
      expect(everything()).toEqual([]);
    });
  });
}

function failureOf(promise: Promise<unknown>): Promise<(Error & { code?: string }) | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error & { code?: string },
  );
}

type Described = TreeEntry & { readonly text: string };

/** All entries beneath a directory by path, with the text of small files. */
export async function describeTree(launcher: string, directory: string, options = { text: true }): Promise<Map<string, Described>> {
  const fd = openSync(directory, "r");
  try {
    await using session = new TreeSession(launcher, [fd]);
    const entries: TreeEntry[] = [];
    await session.walk(treeFd(0), "." as ByteString, (entry) => entries.push(entry));
    const described = new Map<string, Described>();
    for (const entry of entries) {
      const small = options.text && entry.type === "file" && entry.size < 1000;
      described.set(entry.path, { ...entry, text: small ? (await session.read(treeFd(0), entry.path, { limit: 1000 })).toString() : "" });
    }
    return described;
  } finally {
    closeSync(fd);
  }
}
