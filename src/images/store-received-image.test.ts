import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FakeLayerDriver } from "../../test/fakes/fake-layer-driver.ts";
import { encodeHeader, padding, tarEnd } from "../archive/tar-writer.ts";
import { ContentStore } from "../content/content-store.ts";
import type { DiffId, Digest } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { openStore, type Store } from "../state/store.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { ingestLayer } from "./ingest-layer.ts";
import { mediaTypes } from "./media-types.ts";
import { parseReference } from "./reference.ts";
import { removeImage } from "./remove-image.ts";
import { findImage } from "./resolve-image.ts";
import { storeReceivedImage } from "./store-received-image.ts";

let root: string;
let store: Store;
let host: ImageHost;
let layers: FakeLayerDriver;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-received-`);
  store = openStore(root);
  layers = new FakeLayerDriver();
  host = { root, store, layers, content: new ContentStore(root), launcher: "/nowhere" };
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
const diffIdOf = (bytes: Uint8Array) => digestOf(bytes) as string as DiffId;
const descriptor = (bytes: Uint8Array) => ({ digest: digestOf(bytes), sizeBytes: bytes.length });

function tar(text: string): Buffer {
  const data = Buffer.from(text);
  const member = { path: encodeText("f"), type: "file", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 } } as const;
  return Buffer.concat([encodeHeader({ ...member, size: data.length }), data, padding(data.length), tarEnd]);
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

/** Bytes whose reading is the failure. */
function unread(): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("it was read")) }) };
}

const files = (name: string) => {
  try {
    return readdirSync(`${root}/content/${name}`).sort();
  } catch {
    return [];
  }
};

describe("ingestLayer()", () => {
  test.each([
    ["plain", (bytes: Buffer) => bytes, mediaTypes.layer],
    ["gzip", (bytes: Buffer) => gzipSync(bytes), `${mediaTypes.layer}+gzip`],
    ["zstd", (bytes: Buffer) => zstdCompressSync(bytes), `${mediaTypes.layer}+zstd`],
  ] as const)("keeps a %s layer as received, and its tree by diff id", async (_name, compress, mediaType) => {
    const plain = tar("hello");
    const blob = compress(plain);
    using layer = await ingestLayer(host, chunks(blob), { expected: descriptor(blob), diffId: diffIdOf(plain) });
    expect(layer).toMatchObject({
      reused: false,
      descriptor: { mediaType, digest: digestOf(blob), size: blob.length },
      row: { diffId: diffIdOf(plain), sizeBytes: 5 },
    });
    expect(host.content.read(layer.descriptor.digest)).toEqual(blob);
    expect(layers.list()).toEqual([diffIdOf(plain)]);
    expect(files("ingest")).toEqual([]);
  });

  test("does not read what is stored already, and keeps it from the collection of garbage", async () => {
    const blob = gzipSync(tar("hello"));
    const first = await ingestLayer(host, chunks(blob), { expected: descriptor(blob) });
    using second = await ingestLayer(host, unread(), { expected: descriptor(blob), mediaType: "x" });
    first[Symbol.dispose]();
    expect(second).toMatchObject({ reused: true, row: first.row, descriptor: { ...first.descriptor, mediaType: "x" } });
    await collectGarbage(host);
    expect(files("sha256")).toEqual([digestOf(blob).slice(7)]);
    second[Symbol.dispose]();
    await collectGarbage(host);
    expect(files("sha256")).toEqual([]);
    expect(layers.list()).toEqual([]);
  });

  test("does the work once for two at the same time", async () => {
    const blob = gzipSync(tar("hello"));
    let reads = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      reads++;
      yield blob;
    }
    const both = await Promise.all([1, 2].map(() => ingestLayer(host, counted(), { expected: descriptor(blob) })));
    expect(reads).toBe(1);
    expect(both.map(({ reused }) => reused).sort()).toEqual([false, true]);
    for (const layer of both) layer[Symbol.dispose]();
  });

  test("the next one tries when the first one fails", async () => {
    const blob = gzipSync(tar("hello"));
    const expected = descriptor(blob);
    const failing = ingestLayer(host, unread(), { expected });
    const working = ingestLayer(host, chunks(blob), { expected });
    expect(failing).rejects.toThrow("it was read");
    using layer = await working;
    expect(layer.reused).toBe(false);
  });

  test.each([
    ["another digest", { expected: { digest: digestOf(Buffer.from("x")), sizeBytes: 9999 } }, "BLOB_DIGEST_MISMATCH"],
    ["more bytes than announced", { expected: { digest: digestOf(Buffer.from("x")), sizeBytes: 1 } }, "BLOB_TOO_LARGE"],
    ["another diff id", { diffId: diffIdOf(Buffer.from("x")) }, "LAYER_DIFF_ID_MISMATCH"],
    ["more than the limit once it is decompressed", { maxBytes: 1000 }, "LAYER_TOO_LARGE"],
  ])("refuses %s and leaves nothing", async (_what, options, code) => {
    const blob = gzipSync(tar("hello"));
    await expect(ingestLayer(host, chunks(blob), options)).rejects.toMatchObject({ code });
    await collectGarbage(host);
    expect([...files("ingest"), ...files("sha256"), ...layers.list()]).toEqual([]);
  });
});

describe("storeReceivedImage()", () => {
  /** Spaces, so that writing it again would change it. */
  const configOf = (diffIds: readonly string[], more: object = {}) =>
    Buffer.from(
      JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: diffIds }, ...more }, null, 3),
    );
  const manifestOf = (config: Buffer, blobs: readonly Buffer[], more: object = {}) =>
    Buffer.from(
      JSON.stringify(
        {
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
          layers: blobs.map((blob) => ({ mediaType: `${mediaTypes.layer}+gzip`, digest: digestOf(blob), size: blob.length })),
          ...more,
        },
        null,
        2,
      ),
    );
  const [reference, byDigest] = [parseReference("x:1"), (digest: Digest) => parseReference(`x@${digest}`)];

  test("keeps all byte for byte and finds it by each of its names", async () => {
    // No layer: the launcher, which reads the accounts, is not needed.
    const config = configOf([], { unknown: [1] });
    const manifest = manifestOf(config, []);
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length, platform: null }],
      }),
    );
    const repoDigests = [byDigest(digestOf(index))];
    const id = storeReceivedImage(host, {
      config,
      manifest,
      mediaType: mediaTypes.manifest,
      layers: [],
      references: [reference],
      repoDigests,
      index,
    });
    expect(id as string).toBe(digestOf(config));
    for (const bytes of [config, manifest, index]) expect(readFileSync(host.content.path(digestOf(bytes)))).toEqual(bytes);
    for (const name of ["x:1", id, `x@${digestOf(index)}`, `x@${digestOf(manifest)}`]) expect(findImage(store, name).id).toBe(id);
    expect(findImage(store, id).config).toBe(config.toString());
    await collectGarbage(host);
    expect(files("sha256")).toHaveLength(3);
    await removeImage(host, id);
    expect(files("sha256")).toEqual([]);
  });

  test.each([
    ["a manifest of another configuration", manifestOf(configOf([], { a: 1 }), []), configOf([]), "which is not the one received"],
    [
      "fewer layers than diff ids",
      manifestOf(configOf([digestOf(Buffer.from("x"))]), []),
      configOf([digestOf(Buffer.from("x"))]),
      "names 0 layers, the configuration 1",
    ],
    ["a configuration that is no JSON", manifestOf(Buffer.from("{"), []), Buffer.from("{"), "read image configuration: it is not JSON"],
    [
      "an environment of numbers",
      manifestOf(configOf([], { config: { Env: ["A=1", 2] } }), []),
      configOf([], { config: { Env: ["A=1", 2] } }),
      "`config.Env[1]` is not a string",
    ],
    [
      "a manifest that is an index, too",
      manifestOf(configOf([]), [], { manifests: [] }),
      configOf([]),
      "`manifests` has no place in an image manifest",
    ],
    [
      "a layer that is none",
      manifestOf(configOf([]), [], { layers: [{ mediaType: "text/plain", digest: "", size: 1 }] }),
      configOf([]),
      "this is not a container image",
    ],
    [
      "a digest that is a path",
      manifestOf(configOf([]), [], { config: { mediaType: mediaTypes.config, digest: "../../etc", size: 1 } }),
      configOf([]),
      "`config.digest` is not a sha256 digest",
    ],
    [
      "500 layers",
      manifestOf(configOf([]), [], { layers: Array.from({ length: 500 }, () => ({})) }),
      configOf([]),
      "`layers` names 500 layers",
    ],
    [
      "labels with a nested object",
      manifestOf(configOf([], { config: { Labels: { a: {} } } }), []),
      configOf([], { config: { Labels: { a: {} } } }),
      '`config.Labels["a"]` is not a string',
    ],
  ])("refuses %s and stores nothing", (_what, manifest, config, problem) => {
    expect(() =>
      storeReceivedImage(host, { config, manifest, mediaType: mediaTypes.manifest, layers: [], references: [reference] }),
    ).toThrow(problem);
    expect([...files("ingest"), ...files("sha256")]).toEqual([]);
    expect(() => findImage(store, "x:1")).toThrow("No such image");
  });
});
