// Both drivers give the same tree, EROFS from files and over loop devices, entry by entry: of archives with every feature, and of a whole Debian.
import { afterAll, describe, expect } from "bun:test";
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { encodeHeader, tarEnd } from "../../src/archive/tar-writer.ts";
import type { ByteString } from "../../src/core/byte-string.ts";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { writeErofsIndex } from "../../src/layers/erofs/write-index.ts";
import { readLayerTree } from "../../src/layers/read-layer-tree.ts";
import { archive, describeTree, type Member } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { testLayers, unmountAllLayers } from "../support/test-layers.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "overlayfs", "erofs-files", "loop");
const launcher = `${repository}/dist/launcher`;
const base = makeTestDirectory("layer-drivers-agree");
const roots = { directory: `${base}/directory`, erofs: `${base}/erofs`, loop: `${base}/loop` };
for (const root of Object.values(roots)) mkdirSync(root);
afterAll(() => {
  for (const root of Object.values(roots)) unmountAllLayers(`${root}-run`);
  rmSync(base, { recursive: true, force: true });
}, 120_000);

const drivers = {
  directory: testLayers(roots.directory, "directory"),
  erofs: testLayers(roots.erofs, "erofs", { from: "direct-files" }),
  loop: testLayers(roots.loop, "erofs", { from: "loop-devices" }),
};

/** Adds it by all and compares. */
async function compare(tarPath: string): Promise<void> {
  const diffId = `sha256:${createHash("sha256").update(tarPath).digest("hex")}` as DiffId;
  const seen = [];
  for (const driver of Object.values(drivers)) {
    await driver.add(diffId, tarPath as HostPath);
    const [tree = ""] = driver.lowers([diffId]);
    const entries = await describeTree(launcher, tree, { text: false });
    seen.push({ entries: [...entries.values()].map(comparable), hashes: hashes(tree) });
  }
  const [unpacked, ...mounted] = seen;
  for (const tree of mounted) expect(tree).toEqual(unpacked ?? { entries: [], hashes: "" });
}

function comparable(entry: Awaited<ReturnType<typeof describeTree>> extends Map<string, infer Entry> ? Entry : never) {
  const { inode: _inode, device: _device, allocatedBytes: _allocated, size, links, ...rest } = entry;
  const xattrs = [...rest.xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  // How large a directory is, and whether it counts those in it, is the file system's own affair.
  return rest.type === "directory" ? { ...rest, xattrs } : { ...rest, xattrs, size, links };
}

/** Of all files' contents. */
function hashes(tree: string): string {
  return run("sh", "-c", 'cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum', "sh", tree);
}

function write(name: string, members: readonly Member[]): string {
  const path = `${base}/${name.replaceAll(/[^a-z]/g, "-")}.tar`;
  writeFileSync(path, archive(...members));
  return path;
}

const u16 = (value: number): string => String.fromCharCode(value & 0xff, value >> 8);
const u32 = (value: number): string => u16(value & 0xffff) + u16(value >>> 16);
/** As setxattr(2) takes it: tag, permissions, id. */
const acl = (...entries: readonly (readonly [number, number, number?])[]): string =>
  u32(2) + entries.map(([tag, permissions, id = 0xffff_ffff]) => u16(tag) + u16(permissions) + u32(id)).join("");
const extended = acl([1, 7], [2, 5, 1000], [4, 4], [16, 5], [32, 0]);
const capability = "\u0001\u0000\u0000\u0002" + u32(0x400) + u32(0) + u32(0) + u32(0);

const samples: Readonly<Record<string, readonly Member[]>> = {
  "all types": [
    { path: "dir", type: "directory", mode: 0o1777, uid: 4_000_000_000, gid: 3, mtime: { seconds: 5, nanos: 6 } },
    { path: "dir/file", data: "x".repeat(513), mode: 0o6711, mtime: { seconds: -3, nanos: 1 } },
    { path: "dir/hard", type: "hardlink", target: "dir/file" },
    { path: "again", type: "hardlink", target: "dir/hard" },
    { path: "short", type: "symlink", target: "dir/file" },
    { path: "long", type: "symlink", target: "t/".repeat(2000) },
    { path: "middle", type: "symlink", target: "m".repeat(450) },
    { path: "symlink-linked", type: "hardlink", target: "short" },
    { path: "null", type: "character", major: 1, minor: 3, mode: 0o666 },
    { path: "zero", type: "character", major: 0, minor: 0, mode: 0o600 },
    { path: "disk", type: "block", major: 259, minor: 70_000, mode: 0o660, gid: 6 },
    { path: "disk-linked", type: "hardlink", target: "disk" },
    { path: "pipe", type: "fifo", mode: 0o622 },
    { path: "empty" },
  ],
  "directories of many sizes": [1, 2, 10, 31, 32, 33, 34, 35, 200, 3000].flatMap((count) =>
    Array.from({ length: count }, (_, index) => ({ path: `${count}/${"n".repeat(index % 7)}${index}`, data: String(index) })),
  ),
  "names before and after the dots": ["!", "-", ".", "..", ".a", "..a", "...", "/", "0", "~", "\u007f"].map((name) => ({
    path: `d/${name === "." || name === ".." || name === "/" ? "plain" : name}`,
    data: name,
  })),
  "names of 255 bytes": Array.from({ length: 20 }, (_, index) => ({
    path: `${String(index).padStart(255, "n")}/${"e".repeat(255)}`,
    data: "z",
  })),
  xattrs: [
    {
      path: "d",
      type: "directory",
      mode: 0o755,
      xattrs: { "user.a": "", "trusted.b": "b".repeat(3000), "system.posix_acl_default": extended, "system.posix_acl_access": extended },
    },
    { path: "d/inherits-nothing", data: "1" },
    {
      path: "f",
      data: "1",
      mode: 0o777,
      xattrs: { "user.k": "v\0w", "system.posix_acl_access": extended, "security.capability": capability },
    },
    { path: "plain-acl", data: "1", mode: 0o777, xattrs: { "system.posix_acl_access": acl([1, 6], [4, 4], [32, 0]) } },
    { path: "many", xattrs: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`user.number-${index}`, "v".repeat(index)])) },
    { path: "link", type: "symlink", target: "f", xattrs: { "user.dropped": "1", "trusted.kept": "2" } },
    { path: "null", type: "character", major: 1, minor: 3, xattrs: { "user.dropped": "1", "trusted.kept": "2" } },
    { path: "odd", xattrs: { "system.other": "1", "nonsense.name": "2", "user.overlay.opaque": "y", "trusted.overlay.metacopy": "" } },
  ],
  "whiteouts and opaque directories": [
    { path: ".wh.gone" },
    { path: "dir/.wh.gone" },
    { path: "opaque/.wh..wh..opq" },
    { path: "opaque", type: "directory", mode: 0o711, xattrs: { "user.kept": "1" } },
    { path: "opaque/new", data: "8" },
    { path: ".wh.replaced" },
    { path: "replaced", type: "directory", mode: 0o755 },
    { path: ".wh.implied" },
    { path: "implied/by/this", data: "9" },
    { path: ".wh..wh..opq" },
  ],
  "entries that take each other's place": [
    { path: "a", data: "one" },
    { path: "b", type: "hardlink", target: "a" },
    { path: "a", data: "two" },
    { path: "d/deep/er", data: "x" },
    { path: "kept", type: "hardlink", target: "d/deep/er" },
    { path: "d", data: "file now" },
    { path: "s", type: "symlink", target: "a" },
    { path: "s", type: "directory", mode: 0o700 },
    { path: "s/in", data: "y" },
    { path: "self", data: "self" },
    { path: "self", type: "hardlink", target: "self" },
    { path: ".", type: "directory", mode: 0o700, uid: 9, mtime: { seconds: 77, nanos: 0 } },
  ],
};

describe("both drivers", () => {
  for (const [name, members] of Object.entries(samples)) {
    test(`agree on ${name}`, async () => {
      await compare(write(name, members));
    });
  }

  test("agree on sparse files, whose holes and data lie anywhere, as GNU tar packs them", async () => {
    const source = `${base}/sparse`;
    mkdirSync(source);
    const holes: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
      none: [],
      start: [[0, 5000]],
      "end-unaligned": [[1_000_000, 777]],
      middle: [[65_536, 4096]],
      many: Array.from({ length: 300 }, (_, index) => [index * 40_960, 4096 + index] as const),
      far: [
        [4096, 10],
        [3_000_000_000, 100_000],
      ],
    };
    for (const [name, ranges] of Object.entries(holes)) {
      const fd = openSync(`${source}/${name}`, "w");
      for (const [at, length] of ranges) writeSync(fd, Buffer.alloc(length, name), 0, length, at);
      ftruncateSync(fd, name === "far" ? 5_000_000_000 : 20_000_001);
      closeSync(fd);
    }
    // Hashing the largest takes long; its ends are looked at.
    for (const format of [
      ["--format=gnu"],
      ["--format=pax", "--sparse-version=0.0"],
      ["--format=pax", "--sparse-version=0.1"],
      ["--format=pax"],
    ]) {
      const tar = `${base}/sparse${format.join("")}.tar`;
      run("tar", "-C", source, "--sparse", ...format, "--exclude=far", "-cf", tar, ".");
      await compare(tar);
    }
    const tar = `${base}/far.tar`;
    run("tar", "-C", source, "--sparse", "-cf", tar, "far");
    const diffId = `sha256:${"f".repeat(64)}` as DiffId;
    await drivers.erofs.add(diffId, tar as HostPath);
    const fd = openSync(`${drivers.erofs.lowers([diffId])[0] ?? ""}/far`, "r");
    const piece = Buffer.alloc(100_002);
    readSync(fd, piece, 0, piece.length, 3_000_000_000 - 1);
    closeSync(fd);
    expect(piece.equals(Buffer.concat([Buffer.alloc(1), Buffer.alloc(100_000, "far"), Buffer.alloc(1)]))).toBe(true);
  }, 60_000);

  test("agree on an archive that ends right behind its last byte", async () => {
    const whole = archive({ path: "first", data: "1".repeat(700) }, { path: "last", data: "2".repeat(700) });
    const path = `${base}/unpadded.tar`;
    writeFileSync(path, whole.subarray(0, whole.length - 2 * 512 - (1024 - 700)));
    await compare(path);
  });

  test("refuse alike what no file system would take", async () => {
    for (const [index, members] of (
      [
        [{ path: "f", xattrs: { "system.posix_acl_access": "nonsense" } }],
        [{ path: "f", xattrs: { "system.posix_acl_access": acl([32, 0], [1, 6], [4, 4]) } }],
        [{ path: "f", xattrs: { "security.capability": "x" } }],
        [{ path: "f", xattrs: { "user.": "x" } }],
        [{ path: "f", xattrs: { "user.large": "x".repeat(70_000) } }],
        [{ path: "f", type: "character", major: 5000, minor: 0 }],
        [
          { path: "d", type: "directory" },
          { path: "l", type: "hardlink", target: "d" },
        ],
        [{ path: "d/f" }, { path: "d", type: "hardlink", target: "d/f" }],
        [{ path: ".wh.gone" }, { path: "l", type: "hardlink", target: "gone" }],
        [{ path: "f" }, { path: "f/below" }],
      ] satisfies readonly (readonly Member[])[]
    ).entries()) {
      const path = write(`refused-${"x".repeat(index)}`, members);
      for (const driver of Object.values(drivers)) {
        const diffId = `sha256:${String(index).padStart(64, "a")}` as DiffId;
        expect(await driver.add(diffId, path as HostPath).catch((error: { code?: string }) => error.code)).toBe("LAYER_INVALID_TAR");
      }
    }
  });

  test("a file beyond 4 GiB is read where it lies", async () => {
    const size = 5 * 2 ** 30 + 3;
    const path = `${base}/large.tar`;
    const mtime = { seconds: 0, nanos: 0 };
    const header = encodeHeader({ path: "large" as ByteString, type: "file", mode: 0o644, uid: 0, gid: 0, mtime, size });
    const fd = openSync(path, "w");
    writeSync(fd, header);
    writeSync(fd, "end", header.length + size - 3);
    writeSync(fd, tarEnd, 0, tarEnd.length, header.length + Math.ceil(size / 512) * 512);
    closeSync(fd);
    const diffId = `sha256:${"e".repeat(64)}` as DiffId;
    expect(await drivers.erofs.add(diffId, path as HostPath)).toMatchObject({ sizeBytes: size });
    const large = openSync(`${drivers.erofs.lowers([diffId])[0] ?? ""}/large`, "r");
    const piece = Buffer.alloc(10);
    expect(readSync(large, piece, 0, 10, size - 5)).toBe(5);
    expect(piece.toString("latin1", 0, 5)).toBe("\0\0end");
    closeSync(large);
  });
});

describe("a Debian root file system", () => {
  const testDebian = requires("root", "overlayfs", "erofs-files", "loop", "mmdebstrap");
  testDebian(
    "is the same by both drivers",
    async () => {
      const tar = `${base}/debian.tar`;
      run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", tar);
      await compare(tar);
    },
    300_000,
  );
});

describe("fsck.erofs", () => {
  const testFsck = requires("erofs-utils");
  // Debian 12's takes blocks of 4 KiB only: what the archive holds in smaller ones is copied then, all else is the same.
  for (const [name, members] of Object.entries(samples)) {
    testFsck(`finds nothing wrong with ${name}`, async () => {
      const path = write(`fsck-${name}`, members);
      const tarFd = openSync(path, "r");
      const indexFd = openSync(`${path}.index`, "w+");
      using tree = await readLayerTree(tarFd, { scratch: base as HostPath });
      writeErofsIndex(tree, { indexFd, tarFd, uuid: Buffer.alloc(16, 1), blockBits: 12 });
      closeSync(tarFd);
      closeSync(indexFd);
      expect(run("fsck.erofs", "--extract", `--device=${path}`, `${path}.index`)).not.toContain("corrupt");
      expect(readFileSync(`${path}.index`).length % 4096).toBe(0);
    });
  }
});
