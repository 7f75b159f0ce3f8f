import { afterEach, beforeEach, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { findImage } from "../../src/images/resolve-image.ts";
import { readManifest } from "../../src/images/store-image.ts";
import { archive, describeTree } from "../contracts/layer-driver.ts";
import { chunks, failureOf, ImageRoot, launcher, run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "overlayfs", "setfattr", "capsh");

describe("images", () => {
  let place: ImageRoot;
  beforeEach(() => {
    place = new ImageRoot();
  });
  afterEach(() => place[Symbol.dispose](), 60_000);

  test("a layer unpacks as GNU tar unpacks it, entry by entry", async () => {
    const source = `${place.base}/source`;
    mkdirSync(`${source}/sub`, { recursive: true });
    run("cp", "-a", "/etc", source);
    run(
      "sh",
      "-c",
      `cd ${source} && truncate -s 3M sparse && echo end >> sparse && mknod dev b 7 3 && mkfifo sub/p && ln sparse sub/hard && ln -s gone link`,
    );
    run(
      "sh",
      "-c",
      `cd ${source} && touch -d '1960-01-01 00:00:00.5' old && chmod 6755 old && chown 12:3000000000 old && chmod 1777 sub && setfattr -n user.k -v v sub`,
    );
    writeFileSync(Buffer.from(`${source}/caf\xe9`, "latin1"), "");
    for (const format of [
      ["--format=gnu"],
      ["--format=pax", "--xattrs", "--xattrs-include=*"],
      ["--format=pax", "--sparse"],
      ["--format=gnu", "--sparse"],
    ]) {
      run("tar", ...format, "-cf", `${place.base}/a.tar`, "-C", source, ".");
      const reference = `${place.base}/by-tar${format.join("")}`;
      mkdirSync(reference);
      run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", `${place.base}/a.tar`, "-C", reference);
      const diffId = `sha256:${format
        .join("")
        .replace(/[^a-f]/g, "")
        .padEnd(64, "0")}` as DiffId;
      await place.host.layers.add(diffId, `${place.base}/a.tar` as HostPath);
      const [tree = ""] = place.host.layers.lowers([diffId]);
      const ours = await describeTree(launcher, tree, { text: false });
      const theirs = await describeTree(launcher, reference, { text: false });
      expect([...ours.keys()]).toEqual([...theirs.keys()]);
      expect(ours.size).toBeGreaterThan(100);
      for (const [path, entry] of ours) {
        const other = theirs.get(path) ?? expect.unreachable();
        const comparable = ({ inode: _inode, device: _device, allocatedBytes: _allocated, size, ...rest }: typeof entry) => ({
          ...rest,
          size: rest.type === "directory" ? 0 : size,
        });
        expect(comparable(entry)).toEqual(comparable(other));
      }
      run("diff", "-r", "--no-dereference", "-x", "p", "-x", "dev", tree, reference);
      // EROFS has the holes, but counts no blocks.
      const { name } = await place.host.layers.choice();
      if (format.includes("--sparse") && name === "directory") expect(ours.get("sparse")?.allocatedBytes).toBeLessThan(100_000);
    }
  }, 60_000);

  test("import makes an image, whatever the compression, and keeps the archive as received", async () => {
    const tar = archive(
      { path: "etc/passwd", data: "root:x:0:0::/:/bin/sh\n" },
      { path: "etc/group", data: "root:x:0:\n" },
      { path: "f", data: "1" },
    );
    const gzip = gzipSync(tar);
    const changes = ["CMD echo hi", "ENV A=b", "LABEL l=v"];
    const plain = await place.images.import(chunks(tar), { reference: "x:plain", changes, message: "said" });
    const zipped = await place.images.import(chunks(gzip), { reference: "x:zip", platform: "linux/arm64/v8" });
    expect(place.images.resolve("x:plain")).toMatchObject({
      id: plain,
      passwd: "root:x:0:0::/:/bin/sh\n",
      group: "root:x:0:\n",
      config: { command: ["/bin/sh", "-c", "echo hi"], env: ["A=b"], labels: { l: "v" } },
    });
    expect(place.images.resolve("x:zip").diffIds).toEqual(place.images.resolve("x:plain").diffIds);
    expect(await place.images.inspect("x:zip")).toMatchObject({ id: zipped, architecture: "arm64", os: "linux", sizeBytes: 33 });
    const [layer] = readManifest(place.host, findImage(place.host.store, "x:zip")).layers;
    expect(layer).toMatchObject({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: gzip.length });
    expect(place.host.content.read(layer?.digest ?? expect.unreachable()).equals(gzip)).toBe(true);
    expect(await place.images.history("x:plain")).toMatchObject([{ id: plain, comment: "said", sizeBytes: 33 }]);
    expect((await place.images.list()).map((image) => image.references)).toEqual([["x:zip"], ["x:plain"]]);
    for (const program of ["bzip2", "xz", "zstd"]) {
      const packed = spawnSync(program, ["-c"], { input: tar }).stdout;
      await place.images.import(chunks(packed), { reference: "x:other" });
      expect(place.images.resolve("x:other").diffIds).toEqual(place.images.resolve("x:plain").diffIds);
      await place.images.remove("x:other");
    }
    await place.images.remove("x:plain");
    await place.images.remove("x:zip");
    expect(place.stored()).toEqual([]);
  });

  test("what is no archive, cut, empty or hostile leaves nothing and is told", async () => {
    const tar = archive({ path: "f", data: "x".repeat(9000) });
    const cases: [Uint8Array, string][] = [
      [Buffer.alloc(0), "LAYER_INVALID_TAR"],
      [gzipSync(""), "LAYER_INVALID_TAR"],
      [Buffer.from("hello"), "LAYER_INVALID_TAR"],
      [tar.subarray(0, 5000), "LAYER_INVALID_TAR"],
      [gzipSync(tar).subarray(0, 40), "COMPRESSION_INVALID"],
      [Buffer.concat([Buffer.from("BZh9"), Buffer.alloc(100)]), "COMPRESSION_INVALID"],
      [archive({ path: "../x" }), "LAYER_INVALID_TAR"],
    ];
    for (const [bytes, code] of cases)
      expect(await failureOf(place.images.import(chunks(bytes), { reference: "x" }))).toMatchObject({ code });
    expect(await failureOf(place.images.import(chunks(tar), { reference: "UPPER" }))).toMatchObject({ code: "INVALID_REFERENCE" });
    expect(await failureOf(place.images.import(chunks(tar), { changes: ["RUN x"] }))).toMatchObject({ code: "INVALID_CHANGE" });
    expect(await place.images.list({ all: true })).toEqual([]);
    expect(place.stored()).toEqual([]);
  });

  test("a full disk is told, and nothing is left", async () => {
    place.close();
    run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", place.root);
    place.reopen();
    try {
      expect(await failureOf(place.images.import(chunks(archive({ path: "f", data: "x".repeat(8_000_000) })), {}))).toMatchObject({
        code: "NO_SPACE",
      });
      const zeros = gzipSync(archive({ path: "a", data: "\0".repeat(2_500_000) }, { path: "b", data: "y".repeat(1_000_000) }));
      expect((await failureOf(place.images.import(chunks(zeros), {})))?.code).toBe("LAYER_NO_SPACE");
      expect(place.stored()).toEqual([]);
    } finally {
      place.close();
      run("umount", place.root);
      place.reopen();
    }
  });

  test("ensureBase() makes the same image every time, with a shell that runs", async () => {
    const id = await place.images.ensureBase();
    expect(await place.images.ensureBase()).toBe(id);
    const { diffIds, config, passwd } = place.images.resolve("base");
    expect(config).toMatchObject({ command: ["/bin/sh"] });
    expect(passwd).toContain("nobody:x:65534:");
    const [tree = ""] = place.host.layers.lowers(diffIds);
    expect(run("chroot", tree, "/bin/sh", "-c", "echo hello | cat; ls -d /usr/bin/env /tmp")).toBe("hello\n/tmp\n/usr/bin/env\n");
    await place.images.remove("base");
    expect(await place.images.ensureBase()).toBe(id);
    expect(place.images.resolve("base").diffIds).toEqual(diffIds);
  });
});
