import { afterEach, beforeEach, describe, expect } from "bun:test";
import { closeSync, lstatSync, openSync, readFileSync, readSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import type { ImageConfig } from "../../src/images/image-view.ts";
import { diffLayers } from "../../src/layers/diff.ts";
import { writeLayerTar } from "../../src/layers/layer-tar.ts";
import type { LayerTree } from "../../src/layers/layer-tree.ts";
import { readLayeredFiles } from "../../src/layers/lookup.ts";
import { readLayerTree } from "../../src/layers/read-layer-tree.ts";
import type { LayerNode } from "../../src/layers/tree/layer-node.ts";
import { noName } from "../../src/layers/tree/name-table.ts";
import { TreeWalk } from "../../src/layers/tree/tree-walk.ts";
import { describeTree, type Member } from "../contracts/layer-driver.ts";
import { ImageRoot, launcher } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "overlayfs", "setfattr", "capsh");

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

/** What a tree tells of each path. */
function nodesOf(tree: LayerTree): Map<string, LayerNode> {
  const nodes = new Map<string, LayerNode>();
  const directories = new Map([[tree.root, ""]]);
  const walk = new TreeWalk(tree);
  for (let name = walk.next(); name !== noName; name = walk.next()) {
    const node = tree.nodeOf(name);
    const path = name === tree.rootName ? "" : `${directories.get(tree.parentOf(name))}/${tree.textOf(name)}`;
    if (tree.isDirectory(node)) directories.set(node, path);
    nodes.set(path, structuredClone({ ...tree.describeNode(node), node, links: tree.linksOf(node), isWhiteout: tree.isWhiteout(node) }));
  }
  return nodes;
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

describe("diff and commit", () => {
  let place: ImageRoot;
  beforeEach(() => {
    place = new ImageRoot();
  });
  afterEach(() => place[Symbol.dispose](), 60_000);

  test("diff tells what docker tells, without the mount points that we make", async () => {
    await place.import("p", ...parentMembers);
    const changes = await place.changed("p", script, (stack) => diffLayers(launcher, stack));
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
    expect(await place.changed("p", "true", (stack) => diffLayers(launcher, stack))).toEqual([]);
    expect(await place.changed("p", "chmod 750 etc; touch etc/hosts", (stack) => diffLayers(launcher, stack))).toMatchObject([
      { kind: "changed", path: encodeText("etc") },
    ]);
  });

  test("writeLayerTar() tells of the archive what reading it tells, with large files and many small ones", async () => {
    await place.import("p", ...parentMembers);
    const more = `${script}; head -c 300000 /dev/zero > z-large; head -c 200001 /dev/urandom > a-large; mkdir many
      i=0; while [ $i -lt 400 ]; do head -c $((i * 37)) /dev/zero > many/$i; i=$((i + 1)); done; : > .wh.looks-like-one`;
    await place.changed("p", more, async (stack) => {
      using blob = place.host.content.begin();
      using tree = (await writeLayerTar(launcher, stack, { blob })) ?? expect.unreachable();
      expect(blob.finish().sizeBytes).toBe(lstatSync(blob.path).size);
      const fd = openSync(blob.path, "r");
      try {
        using read = await readLayerTree(fd, { scratch: `${blob.path}-read` as HostPath });
        expect(tree.sizeBytes).toBe(read.sizeBytes);
        const nodes = nodesOf(read);
        expect(nodesOf(tree)).toEqual(nodes);
        const large = nodes.get("/a-large");
        const bytes = Buffer.alloc(200_001);
        readSync(fd, bytes, 0, bytes.length, Number(large?.data));
        expect(bytes.equals(readFileSync(`${stack.upper}/a-large`))).toBe(true);
      } finally {
        closeSync(fd);
      }
    });
  });

  test("a committed image shows what the container showed, entry by entry, and holds just the changes", async () => {
    const parent = await place.import("p", ...parentMembers);
    const seen = await place.changed("p", script, async (stack) => {
      await place.images.commit({
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
      return describeTree(launcher, place.merged);
    });
    const image = place.images.resolve("q");
    expect(image.config).toMatchObject({ command: ["/x"], env: ["A=1"], user: "5" });
    expect(image.passwd).toBe("root:x:0:0::/:\n");
    expect(image.diffIds).toHaveLength(2);
    for (const mountPoint of ["dev", "proc", "sys", "etc/hosts", "etc/resolv.conf"]) seen.delete(mountPoint);
    const shown = await place.changed("q", "true", () => describeTree(launcher, place.merged));
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
    const [top = ""] = place.host.layers.lowers(image.diffIds);
    expect([...(await describeTree(launcher, top)).keys()]).not.toContain("dir/two");
    expect(await place.images.history("q")).toMatchObject([{ createdBy: "/x", comment: "m" }, { id: parent }]);
    expect(await place.images.inspect("q")).toMatchObject({ author: "me", comment: "m" });
    await place.images.remove("q");
    await place.images.remove("p");
    expect(place.stored()).toEqual([]);
  });

  test("the owners of a user namespace are moved back in the committed layer", async () => {
    const parent = await place.import("p", ...parentMembers);
    await place.changed(
      "p",
      "echo 1 > f; chown 100000:100042 f; echo 2 > cap; chown 100000:100000 cap; echo 3 > other; chown 5:5 other",
      async (stack) => {
        await place.images.commit({
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
    const [top = ""] = place.host.layers.lowers(place.images.resolve("q").diffIds);
    expect([lstatSync(`${top}/f`).uid, lstatSync(`${top}/f`).gid]).toEqual([0, 42]);
    expect(lstatSync(`${top}/other`).uid).toBe(5);
  });

  test("readLayeredFiles() reads as overlayfs would show it", async () => {
    await place.import(
      "low",
      { path: "etc/passwd", data: "low" },
      { path: "etc/group", data: "low" },
      { path: "gone/f", data: "low" },
      { path: "opq/f", data: "low" },
      { path: "usr/lib/os", data: "os" },
      { path: "lib", type: "symlink", target: "usr/lib" },
    );
    await place.import(
      "high",
      { path: "etc/passwd", data: "high" },
      { path: ".wh.gone" },
      { path: "opq/.wh..wh..opq" },
      { path: "link", type: "symlink", target: "../../lib/./os" },
      { path: "loop", type: "symlink", target: "loop" },
      { path: "usr", type: "symlink", target: "opq" },
    );
    const stack = place.host.layers.lowers([...place.images.resolve("low").diffIds, ...place.images.resolve("high").diffIds]);
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
    const low = place.host.layers.lowers(place.images.resolve("low").diffIds);
    expect(readLayeredFiles(launcher, low, ["/lib/os" as never]).map(String)).toEqual(["os"]);
  });
});
