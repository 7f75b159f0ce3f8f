import { afterEach, beforeEach, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { type ByteString, encodeText } from "../../src/core/byte-string.ts";
import { chownTree } from "../../src/kernel/chown-tree.ts";
import { readFileIn } from "../../src/kernel/read-file-in.ts";
import { removeTree } from "../../src/kernel/remove-tree.ts";
import { TreeSession } from "../../src/kernel/tree-client.ts";
import { type NewEntry, treeFd } from "../../src/kernel/tree-records.ts";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "setfattr", "capsh");
const launcher = `${repository}/dist/launcher`;
const root = treeFd(0);
const file = (path: string, rest: Partial<NewEntry> = {}): NewEntry => ({ path: encodeText(path), type: "file", mode: 0o644, ...rest });

function failureOf(promise: Promise<unknown>): Promise<(Error & { details?: Record<string, unknown> }) | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error & { details?: Record<string, unknown> },
  );
}

describe("tree operations", () => {
  let base: string;
  let tree: string;
  let fd: number;
  beforeEach(() => {
    base = mkdtempSync(`${makeTestDirectory("tree")}/t-`);
    tree = `${base}/tree`;
    mkdirSync(tree);
    fd = openSync(tree, "r");
  });
  afterEach(() => {
    closeSync(fd);
    removeTree(launcher, base.slice(0, base.lastIndexOf("/")) as HostPath);
  });
  const session = (...more: readonly number[]) => new TreeSession(launcher, [fd, ...more]);

  test("make: nothing is written through a symlink, neither a parent's nor the last component's", async () => {
    const outside = `${base}/outside`;
    mkdirSync(outside);
    symlinkSync(outside, `${tree}/absolute`);
    symlinkSync("../outside", `${tree}/relative`);
    for (const parent of ["absolute", "relative"]) {
      for (const options of [{}, { parents: true }, { replace: true }]) {
        await using tried = session();
        void tried.make(root, file(`${parent}/x/y`), options);
        expect((await failureOf(tried.flush()))?.details).toMatchObject({ errno: "ELOOP" });
      }
      await using replacing = session();
      void replacing.make(root, file(parent), { replace: true });
      await replacing.flush();
      expect(lstatSync(`${tree}/${parent}`).isFile()).toBe(true);
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test("make, with follow: a symlinked parent leads inside the root only", async () => {
    mkdirSync(`${tree}/etc`);
    symlinkSync("/etc", `${tree}/link`);
    symlinkSync("../../../../../../etc", `${tree}/up`);
    await using tried = session();
    void tried.make(root, file("link/a"), { follow: true });
    void tried.make(root, file("up/b"), { follow: true });
    await tried.flush();
    expect(readdirSync(`${tree}/etc`).sort()).toEqual(["a", "b"]);
  });

  test.each(["..", "../x", "a/..", "/etc/x", "", "a/", "a/."])("make refuses the name %p", async (path) => {
    mkdirSync(`${tree}/a`);
    await using tried = session();
    void tried.make(root, file(path), { parents: true, replace: true });
    expect(await failureOf(tried.flush())).toBeDefined();
    expect(readdirSync(base)).toEqual(["tree"]);
  });

  test("set and chmod change a symlink's target never", async () => {
    writeFileSync(`${base}/victim`, "");
    chmodSync(`${base}/victim`, 0o600);
    symlinkSync(`${base}/victim`, `${tree}/link`);
    await using tried = session();
    await tried.set(root, encodeText("link"), { mode: 0o777, owner: { uid: 7, gid: 7 }, mtime: { seconds: 1, nanos: 0 } });
    await failureOf(tried.flush());
    expect(statSync(`${base}/victim`)).toMatchObject({ uid: 0 });
    expect(statSync(`${base}/victim`).mode & 0o777).toBe(0o600);
  });

  test("file data comes from offsets of other descriptors, the rest is a hole", async () => {
    const big = "b".repeat(300_000);
    writeFileSync(`${base}/data`, `head${big}tail`);
    const data = openSync(`${base}/data`, "r");
    try {
      await using made = session(data);
      const segment = (offset: number, length: number, fileOffset: number) => ({ fd: treeFd(1), offset, length, fileOffset });
      void made.make(root, file("sparse", { size: 2 ** 40, segments: [segment(4, 300_000, 10), segment(300_004, 4, 2 ** 40 - 4)] }));
      void made.make(root, file("short", { size: 10, segments: [segment(300_004, 10, 0)] }));
      expect((await failureOf(made.flush()))?.message).toBe("read data of `short`: the archive ends too early");
    } finally {
      closeSync(data);
    }
    const made = openSync(`${tree}/sparse`, "r");
    const tail = Buffer.alloc(8);
    readSync(made, tail, 0, 8, 2 ** 40 - 8);
    expect(tail.toString()).toBe("\0\0\0\0tail");
    expect(fstatSync(made).size).toBe(2 ** 40);
    expect(fstatSync(made).blocks * 512).toBeLessThan(1_000_000);
    closeSync(made);
  });

  test("file data comes from a file beneath another directory, holes stay holes, and nothing leads out of it", async () => {
    const other = `${base}/other`;
    mkdirSync(`${other}/sub`, { recursive: true });
    writeFileSync(`${other}/sub/small`, "small");
    const sparse = openSync(`${other}/sub/sparse`, "w");
    writeSync(sparse, "begin", 0);
    writeSync(sparse, "middle", 2 ** 32);
    ftruncateSync(sparse, 2 ** 33);
    closeSync(sparse);
    writeFileSync(`${base}/secret`, "secret");
    symlinkSync("sub", `${other}/link`);
    symlinkSync("../secret", `${other}/out`);
    const from = openSync(other, "r");
    try {
      await using made = session(from);
      const options = { fromFile: true };
      const copy = (path: string, target: string, size: number) =>
        made.make(
          root,
          file(path, { target: encodeText(target), size, segments: [{ fd: treeFd(1), offset: 0, length: size, fileOffset: 0 }] }),
          options,
        );
      void copy("small", "sub/small", 5);
      void copy("sparse", "sub/sparse", 2 ** 33);
      await made.flush();
      expect(readFileSync(`${tree}/small`, "utf8")).toBe("small");
      expect(statSync(`${tree}/sparse`)).toMatchObject({ size: 2 ** 33 });
      expect(statSync(`${tree}/sparse`).blocks * 512).toBeLessThan(100_000);
      const found = openSync(`${tree}/sparse`, "r");
      const bytes = Buffer.alloc(8);
      readSync(found, bytes, 0, 8, 2 ** 32);
      expect(bytes.toString()).toBe("middle\0\0");
      closeSync(found);
    } finally {
      closeSync(from);
    }
    for (const [target, errno] of [
      ["link/small", "ELOOP"],
      ["out", "EINVAL"],
      ["../secret", "EXDEV"],
      ["sub", "EISDIR"],
    ] as const) {
      const again = openSync(other, "r");
      await using tried = session(again);
      closeSync(again);
      const segments = [{ fd: treeFd(1), offset: 0, length: 6, fileOffset: 0 }];
      void tried.make(root, file(`not-${errno}`, { target: encodeText(target), size: 6, segments }), { fromFile: true });
      expect([target, (await failureOf(tried.flush()))?.details?.["errno"]]).toEqual([target, errno]);
    }
  });

  test("copy: a large file's holes are holes of the output too, and all of its length is written", async () => {
    const sparse = openSync(`${tree}/sparse`, "w");
    writeSync(sparse, "begin", 0);
    ftruncateSync(sparse, 2 ** 32);
    closeSync(sparse);
    writeFileSync(`${base}/output`, "head");
    const output = openSync(`${base}/output`, "r+");
    try {
      await using copied = session(output);
      void copied.copy(root, encodeText("sparse"), { fd: treeFd(1), offset: 4, length: 2 ** 32 });
      await copied.flush();
      expect(fstatSync(output)).toMatchObject({ size: 2 ** 32 + 4 });
      expect(fstatSync(output).blocks * 512).toBeLessThan(100_000);
      const bytes = Buffer.alloc(10);
      readSync(output, bytes, 0, 10, 0);
      expect(bytes.toString()).toBe("headbegin\0");
    } finally {
      closeSync(output);
    }
  });

  test("what follows a failed record of its batch is not done; later ones are", async () => {
    await using tried = session();
    void tried.make(root, file("a"));
    void tried.make(root, file("a"));
    void tried.make(root, file("b"));
    expect((await failureOf(tried.flush()))?.details).toMatchObject({ errno: "EEXIST", path: "a", index: 1 });
    expect(readdirSync(tree)).toEqual(["a"]);
  });

  test("read and stat follow symlinks inside the root only, and wait for no FIFO", async () => {
    mkdirSync(`${tree}/etc`);
    writeFileSync(`${tree}/etc/passwd`, "inside");
    symlinkSync("/etc/passwd", `${tree}/link`);
    symlinkSync("/etc/shadow", `${tree}/dangling`);
    symlinkSync("/proc/self/root/etc/passwd", `${tree}/magic`);
    spawnSync("mkfifo", [`${tree}/fifo`]);
    expect(readFileIn(launcher, tree as HostPath, encodeText("link")).toString()).toBe("inside");
    for (const name of ["dangling", "magic", "fifo", "etc"])
      expect(readFileIn(launcher, tree as HostPath, encodeText(name)).length).toBe(0);
    await using asking = session();
    expect(await asking.stat(root, encodeText("link"))).toMatchObject({ type: "symlink" });
    expect(await asking.stat(root, encodeText("link"), { follow: true })).toMatchObject({ type: "file", size: 6 });
    expect(await asking.stat(root, encodeText("nothing/here"))).toBeUndefined();
    expect((await failureOf(asking.read(root, encodeText("link"), { limit: 9, follow: false })))?.details).toMatchObject({
      errno: "EINVAL",
    });
    expect((await asking.read(root, encodeText("etc/passwd"), { limit: 3 })).toString()).toBe("ins");
    const many = await asking.statMany(["etc", "none", "link"].map((path) => ({ root, path: encodeText(path) })));
    expect(many.map((entry) => entry?.type)).toEqual(["directory", undefined, "symlink"]);
  });

  test("walk tells everything, sorted by bytes, directories before what they hold", async () => {
    for (const directory of ["b", "b/c", "b-x"]) mkdirSync(`${tree}/${directory}`);
    for (const name of ["a", "b/c/d", "b/z", "é"]) writeFileSync(`${tree}/${name}`, name);
    writeFileSync(Buffer.from(`${tree}/\xff`, "latin1"), "");
    linkSync(`${tree}/a`, `${tree}/b/hard`);
    spawnSync("setfattr", ["-n", "trusted.x", "-v", "0x00ff", `${tree}/a`]);
    await using walking = session();
    const paths: string[] = [];
    const found = new Map<string, unknown>();
    await walking.walk(root, "." as ByteString, (entry) => {
      paths.push(entry.path);
      found.set(entry.path, entry);
    });
    expect(paths).toEqual(["a", "b", "b/c", "b/c/d", "b/hard", "b/z", "b-x", encodeText("é"), "\xff"]);
    expect(found.get("a")).toMatchObject({ links: 2, size: 1, xattrs: new Map([["trusted.x", "\0\xff"]]) });
  });

  test("walk finds nothing in what is gone, when that is fine", async () => {
    await using walking = session();
    const gone = "gone" as ByteString;
    await walking.walk(root, gone, () => expect.unreachable(), { missingOk: true });
    await expect(walking.walk(root, gone, () => {})).rejects.toMatchObject({ code: "TREE_FAILED" });
  });

  test("walk, remove and chown stay on their mount", async () => {
    mkdirSync(`${tree}/mnt`);
    spawnSync("mount", ["-t", "tmpfs", "tmpfs", `${tree}/mnt`]);
    try {
      writeFileSync(`${tree}/mnt/precious`, "");
      await using tried = session();
      const paths: string[] = [];
      await tried.walk(root, "." as ByteString, (entry) => paths.push(entry.path));
      expect(paths).toEqual(["mnt"]);
      expect(() => removeTree(launcher, tree as HostPath)).toThrow(expect.objectContaining({ code: "TREE_FAILED" }));
      expect(existsSync(`${tree}/mnt/precious`)).toBe(true);
    } finally {
      spawnSync("umount", [`${tree}/mnt`]);
    }
  });

  test("removeTree() removes any names, deep trees, immutable entries, and only what it was told to", async () => {
    const target = `${tree}/target`;
    mkdirSync(target);
    writeFileSync(Buffer.from(`${target}/\xff\n`, "latin1"), "");
    writeFileSync(`${tree}/outside`, "kept");
    symlinkSync("../outside", `${target}/link`);
    symlinkSync("..", `${target}/up`);
    mkdirSync(`${target}/locked`);
    writeFileSync(`${target}/locked/file`, "");
    spawnSync("chattr", ["+i", `${target}/locked/file`, `${target}/locked`]);
    mkdirSync(`${target}/none`, { mode: 0 });
    // deeper than PATH_MAX, so made step by step
    const made = spawnSync("perl", [
      "-e",
      'chdir(shift) or exit 1; for (1 .. 3000) { mkdir("deepdeep") && chdir("deepdeep") or exit 2 }',
      target,
    ]);
    expect(made.status).toBe(0);
    removeTree(launcher, target as HostPath);
    expect(readdirSync(tree)).toEqual(["outside"]);
    removeTree(launcher, target as HostPath);
    removeTree(launcher, `${base}/no/such/parent` as HostPath);
  });

  test("chownTree() moves a range of owners once, keeping modes and capabilities", () => {
    writeFileSync(`${tree}/root`, "");
    writeFileSync(`${tree}/suid`, "");
    chmodSync(`${tree}/suid`, 0o4755);
    spawnSync("setcap", ["cap_net_raw+ep", `${tree}/root`]);
    writeFileSync(`${tree}/other`, "");
    spawnSync("chown", ["70000:1000", `${tree}/other`]);
    linkSync(`${tree}/other`, `${tree}/hard`);
    symlinkSync("/etc/passwd", `${tree}/link`);
    const shift = { from: 0, to: 100_000, count: 65_536 };
    chownTree(launcher, tree as HostPath, shift);
    chownTree(launcher, tree as HostPath, shift);
    const owner = (name: string) => [lstatSync(`${tree}/${name}`).uid, lstatSync(`${tree}/${name}`).gid];
    expect(owner(".")).toEqual([100_000, 100_000]);
    expect(owner("root")).toEqual([100_000, 100_000]);
    expect(owner("other")).toEqual([70_000, 101_000]);
    expect(owner("link")).toEqual([100_000, 100_000]);
    expect(lstatSync(`${tree}/suid`).mode & 0o7777).toBe(0o4755);
    expect(spawnSync("getcap", ["-n", `${tree}/root`]).stdout.toString()).toContain("[rootid=100000]");
    expect(readFileSync("/etc/passwd").length).toBeGreaterThan(0);
    expect(lstatSync("/etc/passwd").uid).toBe(0);
    expect(() => chownTree(launcher, tree as HostPath, { from: 0, to: 10, count: 20 })).toThrow();
  });

  test("a session whose launcher is killed fails, and does not hang", async () => {
    const tried = session();
    void tried.make(root, file("a"));
    await tried.flush();
    process.kill(tried.pid ?? 0, "SIGKILL");
    const failure = failureOf(tried.flush());
    expect((await failure) as { code?: string }).toMatchObject({ code: "TREE_LOST" });
    await tried[Symbol.asyncDispose]();
  });

  test("make: data from a stream; the file has its name when it is whole, and after a failure nothing more is read", async () => {
    await using made = new TreeSession(launcher, [fd], { stream: true });
    const at = treeFd(1);
    const streamed = (path: string, size: number): NewEntry =>
      file(path, { size, segments: [{ fd: treeFd(0), offset: 0, length: size, fileOffset: 0 }] });
    writeFileSync(`${tree}/old`, "old");
    void made.make(at, streamed("old", 6), { replace: true });
    await made.feed(Buffer.from("new"));
    const flushed = made.flush();
    expect(readFileSync(`${tree}/old`, "utf8")).toBe("old");
    await made.feed(Buffer.from("er!"));
    await flushed;
    expect(readFileSync(`${tree}/old`, "utf8")).toBe("newer!");
    // The second record's data would be the first one's.
    mkdirSync(`${tree}/kind`);
    void made.make(at, streamed("kind", 3), { replace: true, keepKind: true });
    expect((await failureOf(made.flush()))?.details).toMatchObject({ errno: "EISDIR", call: "overwrite" });
    await using next = new TreeSession(launcher, [fd], { stream: true });
    void next.make(at, streamed("missing/x", 3));
    const lost = failureOf(next.flush());
    void lost;
    expect((await lost)?.details).toMatchObject({ errno: "ENOENT" });
    expect(readdirSync(tree).sort()).toEqual(["kind", "old"]);
  });

  test("keepKind: a directory and what is none don't replace each other", async () => {
    writeFileSync(`${tree}/f`, "");
    await using made = session();
    void made.make(root, { path: encodeText("f"), type: "directory", mode: 0o755 }, { replace: true, keepKind: true });
    expect((await failureOf(made.flush()))?.details).toMatchObject({ errno: "ENOTDIR", call: "overwrite" });
    expect(lstatSync(`${tree}/f`).isFile()).toBe(true);
  });

  test("stat and list: the last component's symlink stays one; one level, and nothing of the kernel's files", async () => {
    mkdirSync(`${tree}/d/e`, { recursive: true });
    symlinkSync("d", `${tree}/link`);
    symlinkSync("/d/e", `${tree}/d/up`);
    await using reading = session();
    expect((await reading.stat(root, encodeText("link/up"), { follow: "parents" }))?.type).toBe("symlink");
    expect((await reading.stat(root, encodeText("link/up"), { follow: true }))?.type).toBe("directory");
    expect((await reading.list(root, encodeText("."))).map(({ path }) => path as string)).toEqual(["d", "link"]);
    const procFd = openSync("/proc", "r");
    await using kernel = new TreeSession(launcher, [procFd]);
    expect(await kernel.list(root, encodeText("."))).toEqual([]);
    closeSync(procFd);
  });

  test("readMany and readChunks: at most what was asked for, nothing of what is no file", async () => {
    writeFileSync(`${tree}/small`, "small");
    writeFileSync(`${tree}/large`, Buffer.alloc(5_000_000, "x"));
    spawnSync("mkfifo", [`${tree}/fifo`]);
    await using reading = session();
    const files = ["small", "fifo", "none", "small"].map((path) => ({ path: encodeText(path), limit: 3 }));
    expect((await reading.readMany(root, files)).map((pieces) => Buffer.concat(pieces).toString())).toEqual(["sma", "", "", "sma"]);
    let bytes = 0;
    for await (const chunk of reading.readChunks(root, { path: encodeText("large"), limit: 4_000_000 })) bytes += chunk.length;
    expect(bytes).toBe(4_000_000);
    for await (const _ of reading.readChunks(root, { path: encodeText("large"), limit: 4_000_000 })) break;
    expect((await reading.stat(root, encodeText("small")))?.size).toBe(5);
  });
});
