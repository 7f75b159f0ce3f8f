// What is saved loads again as it was: configurations, manifests and layers byte for byte, and the same images give the same archive.
import { afterEach, beforeEach, describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parseHeader } from "../../src/archive/tar-header.ts";
import { findImage } from "../../src/images/resolve-image.ts";
import { canonicalReference, parseReference } from "../../src/images/reference.ts";
import type { ArchiveFormat } from "../../src/images/save-images.ts";
import { storedManifest } from "../../src/images/stored-manifest.ts";
import { blobName, digestOf, layerOf, makeImage, ociBlobs, ociIndex, tarOf } from "../support/image-archives.ts";
import { chunks, ImageRoot } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "overlayfs");
const image = makeImage([layerOf("base"), layerOf("top")]);
const other = makeImage([layerOf("base"), layerOf("other")]);

let place: ImageRoot;
let second: ImageRoot;
beforeEach(() => {
  place = new ImageRoot();
  second = new ImageRoot();
});
afterEach(() => {
  place[Symbol.dispose]();
  second[Symbol.dispose]();
}, 60_000);

async function save(from: ImageRoot, references: readonly string[], format: ArchiveFormat = "both"): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await from.images.save(references, { format })));
}

const canonical = (reference: string): string => canonicalReference(parseReference(reference));

/** Names of the files in an archive. */
function filesIn(archive: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < archive.length; ) {
    const header = parseHeader(archive.subarray(at, at + 512));
    if (header === null) break;
    if (header.typeflag === "0") found.push(header.name);
    at += 512 + Math.ceil(header.size / 512) * 512;
  }
  return found;
}

async function loadOci(compress: (layer: Buffer) => Buffer, ...names: readonly string[]): Promise<void> {
  for (const [at, made] of [image, other].entries()) {
    const { files, descriptor } = ociBlobs(made, compress);
    const entry = { ...descriptor, annotations: { "io.containerd.image.name": names[at] } };
    await place.images.load(chunks(tarOf({ ...files, "index.json": ociIndex([entry]) })));
  }
}

describe("save()", () => {
  test.each([
    ["gzip", (layer: Buffer) => gzipSync(layer)],
    ["zstd", (layer: Buffer) => zstdCompressSync(layer)],
    ["plain", (layer: Buffer) => layer],
  ] as const)("keeps %s layers, manifests and configurations byte for byte", async (_name, compress) => {
    await loadOci(compress, "docker.io/library/x:1", "docker.io/library/x:2");
    await place.images.tag("x:1", "example.com/y:z");
    const archive = await save(place, ["x", "example.com/y:z"]);
    expect(await save(place, ["x", "example.com/y:z"])).toEqual(archive);
    const loaded = await second.images.load(chunks(archive));
    expect(loaded.map(({ id, references }) => [id as string, [...references].sort()])).toEqual([
      [digestOf(image.config), ["example.com/y:z", "x:1"]],
      [digestOf(other.config), ["x:2"]],
    ]);
    expect([...second.host.content.list()].sort()).toEqual([...place.host.content.list()].sort());
    expect(findImage(second.host.store, "x:1")).toEqual(findImage(place.host.store, "x:1"));
  });

  test("--format docker has plain layers, --format oci no manifest.json", async () => {
    await loadOci((layer) => zstdCompressSync(layer), "docker.io/library/x:1", "docker.io/library/x:2");
    const docker = await save(place, ["x:1"], "docker");
    expect(filesIn(docker).sort()).toEqual([...image.layers.map(blobName), blobName(image.config), "manifest.json"].sort());
    expect((await second.images.load(chunks(docker)))[0]?.id as string).toBe(digestOf(image.config));
    const { files } = ociBlobs(image, (layer) => zstdCompressSync(layer));
    expect(filesIn(await save(place, ["x:1"], "oci")).sort()).toEqual([...Object.keys(files), "index.json", "oci-layout"].sort());
  });

  test("an image given by its id has no name in the archive; by a digest neither", async () => {
    await loadOci((layer) => layer, "docker.io/library/x:1", "docker.io/library/x:2");
    const { id, manifestDigest } = findImage(place.host.store, "x:1");
    for (const reference of [id, id.slice(7, 20), `x@${manifestDigest}`]) {
      const [loaded] = await second.images.load(chunks(await save(place, [reference])));
      expect(loaded).toEqual({ id, references: [], taken: [] });
    }
    await expect(save(place, ["x:1", "gone"])).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  test("a name keeps the manifest that it was received with, though another of the same configuration came first", async () => {
    await loadOci((layer) => layer, "docker.io/library/plain:1", "docker.io/library/x:2");
    await loadOci((layer) => gzipSync(layer), "docker.io/library/zipped:1", "docker.io/library/x:3");
    const archive = await save(place, ["zipped:1"]);
    await second.images.load(chunks(archive));
    expect(findImage(second.host.store, "zipped:1").manifestDigest as string).toBe(ociBlobs(image).descriptor.digest);
    await second.images.load(chunks(await save(place, ["plain:1", "zipped:1"])));
    const manifestOf = (reference: string) =>
      storedManifest(second.host, findImage(second.host.store, reference), canonical(reference)).digest;
    expect(manifestOf("zipped:1") as string).toBe(ociBlobs(image).descriptor.digest);
    expect(manifestOf("plain:1") as string).toBe(ociBlobs(image, (layer) => layer).descriptor.digest);
  });

  test("what is being saved stays, although the image is removed meanwhile", async () => {
    await loadOci((layer) => layer, "docker.io/library/x:1", "docker.io/library/x:2");
    const parts: Uint8Array[] = [];
    for await (const chunk of await place.images.save(["x:1"])) {
      if (parts.length === 0) await place.images.remove("x:1");
      parts.push(Buffer.from(chunk));
    }
    expect((await second.images.load(chunks(Buffer.concat(parts))))[0]?.references).toEqual(["x:1"]);
    await place.images.remove("x:2");
    expect(existsSync(place.host.content.path(image.layers.map(digestOf)[1] as never))).toBe(false);
  });
});
