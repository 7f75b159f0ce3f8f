import { afterEach, beforeEach, describe, expect } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { createReadStream, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { ContentStore } from "../../src/content/content-store.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import type { ImageHost } from "../../src/images/image-host.ts";
import { ImageStore } from "../../src/images/image-store.ts";
import type { ImageConfig } from "../../src/images/image-view.ts";
import { readManifest } from "../../src/images/store-image.ts";
import { findImage } from "../../src/images/resolve-image.ts";
import { removeTree } from "../../src/kernel/remove-tree.ts";
import { diffLayers } from "../../src/layers/diff.ts";
import { DirectoryLayerDriver } from "../../src/layers/directory-driver.ts";
import { readLayeredFiles } from "../../src/layers/lookup.ts";
import { openStore, type Store } from "../../src/state/store.ts";
import { archive, describeTree, type Member } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "overlayfs", "setfattr", "capsh");
const launcher = `${repository}/dist/launcher`;

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

function failureOf(promise: Promise<unknown>): Promise<(Error & { code?: string }) | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error & { code?: string },
  );
}

function run(command: string, ...args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

const noConfig: ImageConfig = {
  user: "",
  env: [],
  entrypoint: null,
  command: null,
  workingDirectory: "",
  exposedPorts: [],
  volumes: [],
  labels: {},
  stopSignal: "",
};

describe("images", () => {
  let base: string;
  let root: string;
  let store: Store;
  let host: ImageHost;
  let images: ImageStore;
  const open = () => {
    store = openStore(root);
    host = { store, launcher, content: new ContentStore(root), layers: new DirectoryLayerDriver(root, launcher) };
    images = new ImageStore(host);
  };
  beforeEach(() => {
    base = makeTestDirectory("images");
    root = `${base}/root`;
    mkdirSync(root);
    open();
  });
  afterEach(() => {
    store[Symbol.dispose]();
    removeTree(launcher, base as HostPath);
  }, 60_000);

  const importMembers = (reference: string, ...members: readonly Member[]) => images.import(chunks(archive(...members)), { reference });
  /** Files beneath content/ and layers/. */
  const stored = () =>
    ["content", "layers"].flatMap((name) => {
      try {
        return readdirSync(`${root}/${name}`, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
      } catch {
        return [];
      }
    });

  test("a layer unpacks as GNU tar unpacks it, entry by entry", async () => {
    const source = `${base}/source`;
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
      run("tar", ...format, "-cf", `${base}/a.tar`, "-C", source, ".");
      const reference = `${base}/by-tar`;
      rmSync(reference, { recursive: true, force: true });
      mkdirSync(reference);
      run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", `${base}/a.tar`, "-C", reference);
      const diffId = `sha256:${format
        .join("")
        .replace(/[^a-f]/g, "")
        .padEnd(64, "0")}` as DiffId;
      await host.layers.add(diffId, `${base}/a.tar` as HostPath);
      const [tree = ""] = host.layers.lowers([diffId]);
      const ours = await describeTree(launcher, tree);
      const theirs = await describeTree(launcher, reference);
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
      if (format.includes("--sparse")) expect(ours.get("sparse")?.allocatedBytes).toBeLessThan(100_000);
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
    const plain = await images.import(chunks(tar), { reference: "x:plain", changes, message: "said" });
    const zipped = await images.import(chunks(gzip), { reference: "x:zip", platform: "linux/arm64/v8" });
    expect(images.resolve("x:plain")).toMatchObject({
      id: plain,
      passwd: "root:x:0:0::/:/bin/sh\n",
      group: "root:x:0:\n",
      config: { command: ["/bin/sh", "-c", "echo hi"], env: ["A=b"], labels: { l: "v" } },
    });
    expect(images.resolve("x:zip").diffIds).toEqual(images.resolve("x:plain").diffIds);
    expect(await images.inspect("x:zip")).toMatchObject({ id: zipped, architecture: "arm64", os: "linux", sizeBytes: 33 });
    const [layer] = readManifest(host, findImage(store, "x:zip")).layers;
    expect(layer).toMatchObject({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: gzip.length });
    expect(host.content.read(layer?.digest ?? expect.unreachable()).equals(gzip)).toBe(true);
    expect(await images.history("x:plain")).toMatchObject([{ id: plain, comment: "said", sizeBytes: 33 }]);
    expect((await images.list()).map((image) => image.references)).toEqual([["x:zip"], ["x:plain"]]);
    for (const program of ["bzip2", "xz", "zstd"]) {
      const packed = spawnSync(program, ["-c"], { input: tar }).stdout;
      await images.import(chunks(packed), { reference: "x:other" });
      expect(images.resolve("x:other").diffIds).toEqual(images.resolve("x:plain").diffIds);
      await images.remove("x:other");
    }
    await images.remove("x:plain");
    await images.remove("x:zip");
    expect(stored()).toEqual([]);
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
    for (const [bytes, code] of cases) expect(await failureOf(images.import(chunks(bytes), { reference: "x" }))).toMatchObject({ code });
    expect(await failureOf(images.import(chunks(tar), { reference: "UPPER" }))).toMatchObject({ code: "INVALID_REFERENCE" });
    expect(await failureOf(images.import(chunks(tar), { changes: ["RUN x"] }))).toMatchObject({ code: "INVALID_CHANGE" });
    expect(await images.list({ all: true })).toEqual([]);
    expect(stored()).toEqual([]);
  });

  test("a full disk is told, and nothing is left", async () => {
    store[Symbol.dispose]();
    run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", root);
    open();
    try {
      expect(await failureOf(images.import(chunks(archive({ path: "f", data: "x".repeat(8_000_000) })), {}))).toMatchObject({
        code: "NO_SPACE",
      });
      const zeros = gzipSync(archive({ path: "a", data: "\0".repeat(2_500_000) }, { path: "b", data: "y".repeat(1_000_000) }));
      expect((await failureOf(images.import(chunks(zeros), {})))?.code).toBe("LAYER_NO_SPACE");
      expect(stored()).toEqual([]);
    } finally {
      store[Symbol.dispose]();
      run("umount", root);
      open();
    }
  });

  test("ensureBase() makes the same image every time, with a shell that runs", async () => {
    const id = await images.ensureBase();
    expect(await images.ensureBase()).toBe(id);
    const { diffIds, config, passwd } = images.resolve("base");
    expect(config).toMatchObject({ command: ["/bin/sh"] });
    expect(passwd).toContain("nobody:x:65534:");
    const [tree = ""] = host.layers.lowers(diffIds);
    expect(run("chroot", tree, "/bin/sh", "-c", "echo hello | cat; ls -d /usr/bin/env /tmp")).toBe("hello\n/tmp\n/usr/bin/env\n");
    await images.remove("base");
    expect(await images.ensureBase()).toBe(id);
    expect(images.resolve("base").diffIds).toEqual(diffIds);
  });

  /** An overlay on the image, changed by `script`; then what `then` makes of it. */
  async function changed<Result>(
    reference: string,
    script: string,
    then: (stack: { upper: HostPath; lowers: readonly HostPath[] }) => Promise<Result>,
  ): Promise<Result> {
    const lowers = host.layers.lowers(images.resolve(reference).diffIds);
    for (const name of ["upper", "work", "merged", "links"]) {
      rmSync(`${base}/${name}`, { recursive: true, force: true });
      mkdirSync(`${base}/${name}`);
    }
    for (const [index, lower] of lowers.entries()) symlinkSync(lower, `${base}/links/${index}`);
    const lowerdir = lowers.map((_, index) => `${base}/links/${index}`).join(":");
    run("mount", "-t", "overlay", "overlay", "-o", `lowerdir=${lowerdir},upperdir=${base}/upper,workdir=${base}/work`, `${base}/merged`);
    try {
      run("sh", "-ec", `cd ${base}/merged\n${script}`);
      return await then({ upper: `${base}/upper` as HostPath, lowers });
    } finally {
      run("umount", `${base}/merged`);
    }
  }

  const parentMembers: readonly Member[] = [
    { path: "etc/passwd", data: "root:x:0:0::/:\n" },
    { path: "a/b/c/file", data: "1" },
    { path: "dir/one", data: "1" },
    { path: "dir/two", data: "2" },
    { path: "dir-x", data: "" },
    { path: "gone/deep", data: "1" },
    { path: "opaque/old", data: "1" },
    { path: "opaque/sub/old", data: "1" },
    { path: "swap", data: "file" },
    { path: "same", data: "1" },
    { path: "hard1", data: "h" },
    { path: "hard2", type: "hardlink", target: "hard1" },
  ];
  const script = `
    mkdir dev proc sys; touch etc/hosts etc/resolv.conf
    echo changed > a/b/c/file
    rm -r gone dir/one; rm -r opaque; mkdir opaque; echo new > opaque/new
    rm swap; mkdir swap; echo in > swap/in
    touch temporary; rm temporary
    echo h > h1; ln h1 h2; ln -s /etc/passwd link; mknod node c 1 3; mkfifo fifo
    chown 12:13 h1; chmod 4750 h1; setfattr -n user.x -v y h1; setcap cap_net_raw+ep dir-x
    touch -d '1969-12-31 23:59:58.123456789 UTC' h1
    mkdir -p "new/$(printf '%0200d' 1)"; printf x > "$(printf 'raw\\377')"
    chmod 700 same`;

  test("diff tells what docker tells, without the mount points that we make", async () => {
    await importMembers("p", ...parentMembers);
    const changes = await changed("p", script, (stack) => diffLayers(launcher, stack));
    const letters = { added: "A", changed: "C", deleted: "D" };
    expect(changes.map(({ kind, path }) => `${letters[kind]} ${path}`)).toEqual([
      "C a",
      "C a/b",
      "C a/b/c",
      "C a/b/c/file",
      "C dir",
      "D dir/one",
      "C dir-x",
      "A fifo",
      "D gone",
      "A h1",
      "A h2",
      "A link",
      "A new",
      `A new/${"1".padStart(200, "0")}`,
      "A node",
      "C opaque",
      "A opaque/new",
      "D opaque/old",
      "D opaque/sub",
      "A raw\xff",
      "C same",
      "C swap",
      "A swap/in",
    ]);
    expect(await changed("p", "true", (stack) => diffLayers(launcher, stack))).toEqual([]);
    expect(await changed("p", "chmod 750 etc; touch etc/hosts", (stack) => diffLayers(launcher, stack))).toMatchObject([
      { kind: "changed", path: encodeText("etc") },
    ]);
  });

  test("a committed image shows what the container showed, entry by entry, and holds just the changes", async () => {
    const parent = await importMembers("p", ...parentMembers);
    const seen = await changed("p", script, async (stack) => {
      await images.commit({
        ...stack,
        containerId: "c",
        parentImage: parent,
        config: { ...noConfig, command: ["/x"], env: ["A=1"] },
        command: ["/x"],
        reference: "q",
        message: "m",
        author: "me",
        changes: ["USER 5"],
      });
      return describeTree(launcher, `${base}/merged`);
    });
    const image = images.resolve("q");
    expect(image.config).toMatchObject({ command: ["/x"], env: ["A=1"], user: "5" });
    expect(image.passwd).toBe("root:x:0:0::/:\n");
    expect(image.diffIds).toHaveLength(2);
    for (const mountPoint of ["dev", "proc", "sys", "etc/hosts", "etc/resolv.conf"]) seen.delete(mountPoint);
    const shown = await changed("q", "true", () => describeTree(launcher, `${base}/merged`));
    expect([...shown.keys()]).toEqual([...seen.keys()]);
    for (const [path, entry] of shown) {
      const comparable = ({ inode: _inode, device: _device, allocatedBytes: _allocated, size, ...rest }: typeof entry) => ({
        ...rest,
        size: rest.type === "directory" ? 0 : size,
      });
      const expected = comparable(seen.get(path) ?? expect.unreachable());
      // The time of a directory that only got mount points, and how many directories a directory holds, are no matter.
      const loose =
        path === "etc" ? { mtime: expected.mtime, links: expected.links } : entry.type === "directory" ? { links: expected.links } : {};
      expect({ ...comparable(entry), ...loose }).toEqual(expected);
    }
    expect(shown.get("h1")?.inode).toBe(shown.get("h2")?.inode ?? 0n);
    const [top = ""] = host.layers.lowers(image.diffIds);
    expect([...(await describeTree(launcher, top)).keys()]).not.toContain("dir/two");
    expect(await images.history("q")).toMatchObject([{ createdBy: "/x", comment: "m" }, { id: parent }]);
    expect(await images.inspect("q")).toMatchObject({ author: "me", comment: "m" });
    await images.remove("q");
    await images.remove("p");
    expect(stored()).toEqual([]);
  });

  test("the owners of a user namespace are moved back in the committed layer", async () => {
    const parent = await importMembers("p", ...parentMembers);
    await changed(
      "p",
      "echo 1 > f; chown 100000:100042 f; echo 2 > cap; chown 100000:100000 cap; echo 3 > other; chown 5:5 other",
      async (stack) => {
        await images.commit({
          ...stack,
          containerId: "c",
          parentImage: parent,
          config: noConfig,
          command: [],
          reference: "q",
          uidShift: { from: 100_000, count: 65_536 },
        });
      },
    );
    const [top = ""] = host.layers.lowers(images.resolve("q").diffIds);
    expect([lstatSync(`${top}/f`).uid, lstatSync(`${top}/f`).gid]).toEqual([0, 42]);
    expect(lstatSync(`${top}/other`).uid).toBe(5);
  });

  test("readLayeredFiles() reads as overlayfs would show it", async () => {
    await importMembers(
      "low",
      { path: "etc/passwd", data: "low" },
      { path: "etc/group", data: "low" },
      { path: "gone/f", data: "low" },
      { path: "opq/f", data: "low" },
      { path: "usr/lib/os", data: "os" },
      { path: "lib", type: "symlink", target: "usr/lib" },
    );
    await importMembers(
      "high",
      { path: "etc/passwd", data: "high" },
      { path: ".wh.gone" },
      { path: "opq/.wh..wh..opq" },
      { path: "link", type: "symlink", target: "../../lib/./os" },
      { path: "loop", type: "symlink", target: "loop" },
      { path: "usr", type: "symlink", target: "opq" },
    );
    const stack = host.layers.lowers([...images.resolve("low").diffIds, ...images.resolve("high").diffIds]);
    const read = (...paths: string[]) => readLayeredFiles(launcher, stack, paths as never).map((found) => found?.toString());
    expect(read("/etc/passwd", "/etc/group", "/gone/f", "/opq/f", "/nope", "/etc", "/loop", "/etc/passwd/x")).toEqual([
      "high",
      "low",
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(read("/link")).toEqual([undefined]);
    const low = host.layers.lowers(images.resolve("low").diffIds);
    expect(readLayeredFiles(launcher, low, ["/lib/os" as never]).map(String)).toEqual(["os"]);
  });

  test("processes that import and remove one image at the same time never leave one without its layer", async () => {
    writeFileSync(`${base}/a.tar`, archive({ path: "f", data: "x".repeat(200_000) }, { path: "etc/passwd", data: "root" }));
    const program = `
      import { createReadStream } from "node:fs";
      const { openStore } = await import("${repository}/src/state/store.ts");
      const { ContentStore } = await import("${repository}/src/content/content-store.ts");
      const { DirectoryLayerDriver } = await import("${repository}/src/layers/directory-driver.ts");
      const { ImageStore } = await import("${repository}/src/images/image-store.ts");
      const root = "${root}", launcher = "${launcher}";
      const layers = new DirectoryLayerDriver(root, launcher);
      const images = new ImageStore({ store: openStore(root), launcher, content: new ContentStore(root), layers });
      for (let turn = 0; turn < 15; turn++) {
        await images.import(createReadStream("${base}/a.tar"), { reference: "x" + process.argv[2] });
        const { diffIds } = images.resolve("x" + process.argv[2]);
        if (!diffIds.every((id) => layers.has(id))) throw new Error("an image without its layer");
        await images.remove("x" + process.argv[2]);
      }`;
    writeFileSync(`${base}/churn.ts`, program);
    const codes = await Promise.all(
      [1, 2, 3].map(
        (index) =>
          new Promise((resolve) => {
            const child = spawn(process.execPath, [`${base}/churn.ts`, String(index)], { stdio: ["ignore", "ignore", "inherit"] });
            child.on("close", resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect(await images.list({ all: true })).toEqual([]);
    expect(stored()).toEqual([]);
  }, 60_000);

  test("what a killed import leaves is removed by the next", async () => {
    const tar = archive(...Array.from({ length: 3000 }, (_, index) => ({ path: `d${index % 50}/f${index}`, data: "x".repeat(3000) })));
    writeFileSync(`${base}/a.tar`, tar);
    const program = `
      import { createReadStream } from "node:fs";
      const { openStore } = await import("${repository}/src/state/store.ts");
      const { ContentStore } = await import("${repository}/src/content/content-store.ts");
      const { DirectoryLayerDriver } = await import("${repository}/src/layers/directory-driver.ts");
      const { ImageStore } = await import("${repository}/src/images/image-store.ts");
      const root = "${root}", launcher = "${launcher}";
      const images = new ImageStore({ store: openStore(root), launcher, content: new ContentStore(root), layers: new DirectoryLayerDriver(root, launcher) });
      console.log("begin");
      await images.import(createReadStream("${base}/a.tar"), { reference: "x" });
      console.log("end");`;
    writeFileSync(`${base}/import.ts`, program);
    for (const delayMs of [5, 20, 40, 80, 120]) {
      const child = spawn(process.execPath, [`${base}/import.ts`], { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      const closed = new Promise((resolve) => child.on("close", resolve));
      setTimeout(() => child.kill("SIGKILL"), delayMs);
      await closed;
      if ((await images.list()).length > 0) await images.remove("x");
    }
    // A dead client's launcher may still be ending.
    await poll("nothing is left", async () => {
      await importMembers("other", { path: "f" });
      await images.remove("other");
      return stored().length === 0;
    });
    expect(readdirSync(`${root}/layers/sha256`)).toEqual([]);
    expect(readFileSync(`${base}/a.tar`).length).toBe(tar.length);
    expect(await images.import(createReadStream(`${base}/a.tar`), { reference: "x" })).toMatch(/^sha256:/);
  }, 60_000);
});
