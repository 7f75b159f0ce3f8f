import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { FakeLayerDriver } from "../../test/fakes/fake-layer-driver.ts";
import { ContentStore } from "../content/content-store.ts";
import type { DiffId, ImageId } from "../core/brands.ts";
import { insertBlob, insertImage, insertLayer, listImages, setReference } from "../state/image-rows.ts";
import { openStore, type Store } from "../state/store.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { LayerLease } from "./layer-lease.ts";
import { canonicalReference, parseReference } from "./reference.ts";
import { chainIds, removeImage } from "./remove-image.ts";
import { findImage } from "./resolve-image.ts";

let root: string;
let store: Store;
let host: ImageHost;
let layers: FakeLayerDriver;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-images-`);
  store = openStore(root);
  layers = new FakeLayerDriver();
  host = { root, store, layers, content: new ContentStore(root), launcher: "/nowhere" };
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

const hex = (digit: string) => digit.repeat(64);
const layer = (digit: string) => `sha256:${hex(digit)}` as DiffId;

function addImage(
  digit: string,
  options: { readonly layers: readonly DiffId[]; readonly references?: readonly string[]; readonly parent?: ImageId },
): ImageId {
  const id = `sha256:${hex(digit)}` as ImageId;
  const blob = host.content.put(Buffer.from(digit));
  for (const diffId of options.layers) {
    insertLayer(store, { diffId, sizeBytes: 1 });
    layers.layers.set(diffId, { diffId, sizeBytes: 1 });
  }
  const config = JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: options.layers } });
  insertImage(store, {
    id,
    createdAt: "2026-01-01T00:00:00Z",
    config,
    manifestDigest: blob.digest,
    parent: options.parent ?? "",
    layers: options.layers,
    sizeBytes: 1,
    passwd: "",
    group: "",
  });
  insertBlob(store, id, blob.digest);
  for (const reference of options.references ?? []) setReference(store, canonicalReference(parseReference(reference)), id);
  return id;
}

function addContainer(
  digit: string,
  image: ImageId,
  options: { readonly status?: string; readonly layers?: readonly DiffId[] } = {},
): void {
  store
    .prepare(
      "INSERT INTO containers (id, name, image, image_id, created_at, options, process, layers, status) VALUES (?, ?, '', ?, '', '', '', ?, ?)",
    )
    .run(hex(digit), digit, image, (options.layers ?? []).join(" "), options.status ?? "exited");
}

const blobs = () => readdirSync(`${root}/content/sha256`).sort();
const remaining = () => listImages(store).map((row) => row.id);
const conflict = (message: string) => expect.objectContaining({ code: "IMAGE_IN_USE", message });

describe("removeImage()", () => {
  test("takes the digests of a repository with its last tag there", async () => {
    const digest = `x@sha256:${hex("9")}`;
    const id = addImage("a", { layers: [], references: ["x:1", "x:2", digest, "y:1"] });
    expect(await removeImage(host, "x:1")).toEqual([{ untagged: "x:1" }]);
    expect(await removeImage(host, "x:2")).toEqual([{ untagged: "x:2" }, { untagged: digest }]);
    expect(await removeImage(host, "y:1")).toEqual([{ untagged: "y:1" }, { deleted: id }]);
  });

  test("untags, and deletes the image with its layers and blobs after its last reference", async () => {
    const id = addImage("a", { layers: [layer("1"), layer("2")], references: ["x", "y:1"] });
    expect(await removeImage(host, "x")).toEqual([{ untagged: "x:latest" }]);
    expect(remaining()).toEqual([id]);
    const [bottom = "", top = ""] = chainIds([layer("1"), layer("2")]);
    expect(await removeImage(host, "y:1")).toEqual([{ untagged: "y:1" }, { deleted: id }, { deleted: top }, { deleted: bottom }]);
    expect(remaining()).toEqual([]);
    expect([...layers.layers.keys()]).toEqual([]);
    expect(blobs()).toEqual([]);
  });

  test("keeps layers and blobs that another image has", async () => {
    addImage("a", { layers: [layer("1"), layer("2")], references: ["a"] });
    const other = addImage("b", { layers: [layer("1")], references: ["b"] });
    const shared = host.content.put(Buffer.from("a")).digest;
    insertBlob(store, other, shared);
    await removeImage(host, "a");
    expect([...layers.layers.keys()]).toEqual([layer("1")]);
    expect(blobs()).toEqual([shared, findImage(store, "b").manifestDigest].map((digest) => digest.slice(7)).sort());
  });

  test("by id removes all references of one repository, but refuses several repositories without force", async () => {
    const one = addImage("a", { layers: [], references: ["x:1"] });
    expect(await removeImage(host, hex("a").slice(0, 12))).toEqual([{ untagged: "x:1" }, { deleted: one }]);
    const two = addImage("b", { layers: [], references: ["x", "y"] });
    await expect(removeImage(host, two)).rejects.toThrow(
      conflict("conflict: unable to delete bbbbbbbbbbbb (must be forced) - image is referenced in multiple repositories"),
    );
    expect(await removeImage(host, two, { force: true })).toEqual([{ untagged: "x:latest" }, { untagged: "y:latest" }, { deleted: two }]);
  });

  test("refuses the last reference while a container uses the image; with force only untags under a running one", async () => {
    const id = addImage("a", { layers: [layer("1")], references: ["x"] });
    addContainer("c", id, { status: "running" });
    await expect(removeImage(host, "x")).rejects.toThrow(
      conflict(
        'conflict: unable to remove repository reference "x" (must force) - container cccccccccccc is using its referenced image aaaaaaaaaaaa',
      ),
    );
    expect(await removeImage(host, "x", { force: true })).toEqual([{ untagged: "x:latest" }]);
    expect(remaining()).toEqual([id]);
    await expect(removeImage(host, id, { force: true })).rejects.toThrow(
      conflict("conflict: unable to delete aaaaaaaaaaaa (cannot be forced) - image is being used by running container cccccccccccc"),
    );
  });

  test("a stopped container's image needs force, and its layers stay until the container is gone", async () => {
    const id = addImage("a", { layers: [layer("1")], references: ["x"] });
    addContainer("c", id, { layers: [layer("1")] });
    await expect(removeImage(host, id)).rejects.toThrow(
      conflict("conflict: unable to delete aaaaaaaaaaaa (must be forced) - image is being used by stopped container cccccccccccc"),
    );
    expect(await removeImage(host, "x", { force: true })).toEqual([{ untagged: "x:latest" }, { deleted: id }]);
    expect(layers.has(layer("1"))).toBe(true);
    store.prepare("DELETE FROM containers").run();
    await collectGarbage(host);
    expect(layers.has(layer("1"))).toBe(false);
  });

  test("prunes untagged parents, unless told not to; refuses an image that others were made from", async () => {
    const grandparent = addImage("a", { layers: [layer("1")], references: ["base"] });
    const parent = addImage("b", { layers: [layer("1"), layer("2")], parent: grandparent });
    addImage("c", { layers: [layer("1"), layer("2"), layer("3")], parent, references: ["x"] });
    await expect(removeImage(host, parent)).rejects.toThrow(
      conflict("conflict: unable to delete bbbbbbbbbbbb (cannot be forced) - image has dependent child images"),
    );
    await removeImage(host, "x", { noPrune: true });
    expect(remaining()).toEqual([grandparent, parent]);
    addImage("c", { layers: [layer("1"), layer("2"), layer("3")], parent, references: ["x"] });
    await removeImage(host, "x");
    expect(remaining()).toEqual([grandparent]);
    expect([...layers.layers.keys()]).toEqual([layer("1")]);
  });

  test("a reference to an image with children is only untagged", async () => {
    const parent = addImage("a", { layers: [], references: ["p"] });
    addImage("b", { layers: [], parent, references: ["c"] });
    expect(await removeImage(host, "p")).toEqual([{ untagged: "p:latest" }]);
    expect(remaining()).toContain(parent);
  });

  test("a leased layer stays; what a dead process leased goes", async () => {
    addImage("a", { layers: [layer("1"), layer("2")], references: ["x"] });
    using _lease = new LayerLease(store, layer("1"));
    layers.layers.set(layer("9"), { diffId: layer("9"), sizeBytes: 1 });
    store.prepare("INSERT INTO layer_leases VALUES (?, '1:1:earlier-boot:x')").run(layer("9"));
    await removeImage(host, "x");
    expect([...layers.layers.keys()]).toEqual([layer("1")]);
  });
});

describe("findImage()", () => {
  test("finds by name, tag, digest, id and unique prefix", async () => {
    const id = addImage("a", { layers: [], references: ["x", "y:2"] });
    addImage("b", { layers: [] });
    const manifest = findImage(store, "x").manifestDigest;
    for (const reference of ["x", "x:latest", "docker.io/library/x", "y:2", `x@${manifest}`, id, hex("a"), "a", "sha256:aa"]) {
      expect(findImage(store, reference).id).toBe(id);
    }
  });

  test("prefers a name to an id prefix, refuses an ambiguous prefix", async () => {
    addImage("a", { layers: [] });
    const named = addImage("b", { layers: [], references: ["aaaa"] });
    expect(findImage(store, "aaaa").id).toBe(named);
    const twin = `sha256:${"a".repeat(63)}0` as ImageId;
    insertImage(store, {
      id: twin,
      createdAt: "",
      config: "{}",
      manifestDigest: layer("0") as string as never,
      parent: "",
      layers: [],
      sizeBytes: 0,
      passwd: "",
      group: "",
    });
    expect(() => findImage(store, "aaa")).toThrow(expect.objectContaining({ code: "IMAGE_AMBIGUOUS" }));
  });

  test.each([
    ["nope", "No such image: nope:latest"],
    ["nope:1", "No such image: nope:1"],
    ["localhost:5000/nope", "No such image: localhost:5000/nope:latest"],
    ["cafe", "No such image: cafe:latest"],
    ["sha256:cafe", "No such image: sha256:cafe"],
  ])("tells of %p: %p", (reference, message) => {
    expect(() => findImage(store, reference)).toThrow(expect.objectContaining({ code: "IMAGE_NOT_FOUND", message }));
  });

  test("a malformed name is told as such", async () => {
    expect(() => findImage(store, "UPPER")).toThrow(expect.objectContaining({ code: "INVALID_REFERENCE" }));
  });
});
