// Archives of images, made in code: every form loads, from a file and as a stream; what is hostile is told and leaves nothing.
import { afterEach, beforeEach, describe, expect } from "bun:test";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { mediaTypes } from "../../src/images/media-types.ts";
import { findImage } from "../../src/images/resolve-image.ts";
import type { LoadOptions, LoadedImage } from "../../src/images/load-images.ts";
import { archive } from "../contracts/layer-driver.ts";
import {
  type ArchiveFile,
  blobName,
  digestOf,
  json,
  layerOf,
  legacyArchive,
  makeImage,
  ociArchive,
  ociBlobs,
  ociIndex,
  oldDockerArchive,
  tarOf,
} from "../support/image-archives.ts";
import { chunks, ImageRoot } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "overlayfs");
type Files = Readonly<Record<string, ArchiveFile>> | readonly (readonly [string, ArchiveFile])[];

const [base, top] = [layerOf("base", { path: "etc/passwd", data: "root:x:0:0::/:/bin/sh\n" }), layerOf("top")];
const image = makeImage([base, top], { Env: ["A=b"] });
const other = makeImage([base, layerOf("other")]);

let place: ImageRoot;
beforeEach(() => {
  place = new ImageRoot();
});
afterEach(() => place[Symbol.dispose](), 60_000);

async function fromFile(bytes: Buffer, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
  const path = `${place.base}/archive.tar`;
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  try {
    return await place.images.load({ fd }, options);
  } finally {
    closeSync(fd);
  }
}
const ways = {
  "from a file": fromFile,
  "as a stream": (bytes: Buffer, options: LoadOptions = {}) => place.images.load(chunks(bytes), options),
  "from a compressed file": (bytes: Buffer, options: LoadOptions = {}) => fromFile(gzipSync(bytes), options),
  "as a compressed stream": (bytes: Buffer, options: LoadOptions = {}) => place.images.load(chunks(gzipSync(bytes)), options),
} as const;
const names = (loaded: readonly LoadedImage[]) => loaded.map(({ id, references }) => [id as string, references]);
const content = (path: string, reference: string) =>
  place.host.layers.lowers(place.images.resolve(reference).diffIds).map((lower) => {
    try {
      return readFileSync(`${lower}/${path}`, "utf8");
    } catch {
      return undefined;
    }
  });

for (const [way, load] of Object.entries(ways)) {
  describe(way, () => {
    test("an archive of docker's, with shared layers and several names, loads", async () => {
      const files = oldDockerArchive([
        { image, tags: ["x:1", "example.com/y:2"] },
        { image: other, tags: null },
      ]);
      expect(names(await load(tarOf(files)))).toEqual([
        [digestOf(image.config), ["x:1", "example.com/y:2"]],
        [digestOf(other.config), []],
      ]);
      expect(content("top", "x:1")).toEqual(["top\n", undefined]);
      expect(findImage(place.host.store, "x:1")).toMatchObject({ config: image.config.toString(), passwd: "root:x:0:0::/:/bin/sh\n" });
      // Plain tars are kept once, as they came; the configuration and a manifest for each image.
      expect(place.host.content.list()).toHaveLength(3 + 4);
      for (const { id } of await place.images.list({ all: true })) await place.images.remove(id, { force: true });
      expect(place.stored()).toEqual([]);
    });

    test("an archive without a manifest, as docker wrote them long ago, loads with its history", async () => {
      const [loaded] = await load(tarOf(legacyArchive([base, top], ["old/image", "1"])));
      expect(loaded?.references).toEqual(["old/image:1"]);
      expect(content("top", "old/image:1")).toEqual(["top\n", undefined]);
      expect(place.images.resolve("old/image:1").config.env).toEqual(["OLD=1"]);
      expect((await place.images.history("old/image:1")).map(({ createdBy }) => createdBy)).toEqual(["step 1", "step 0"]);
      const again = await load(tarOf(legacyArchive([base, top], ["old/image", "2"])));
      expect(again[0]?.id).toBe(loaded?.id as never);
    });

    test("an OCI layout keeps its bytes and its digests", async () => {
      const { manifest } = ociBlobs(image);
      expect(names(await load(tarOf(ociArchive(image, "example.com/z:1"))))).toEqual([[digestOf(image.config), ["example.com/z:1"]]]);
      const row = findImage(place.host.store, `example.com/z@${digestOf(manifest)}`);
      expect(row.manifestDigest as string).toBe(digestOf(manifest));
      expect(place.host.content.read(row.manifestDigest)).toEqual(manifest);
      expect(place.host.content.list().map(String).sort()).toEqual(Object.values(ociBlobs(image).files).map(digestOf).sort());
    });

    test("both forms in one archive are one image with all its names", async () => {
      const { files, descriptor } = ociBlobs(image, (layer) => layer);
      const both = {
        ...files,
        "index.json": ociIndex([{ ...descriptor, annotations: { "io.containerd.image.name": "docker.io/library/x:1" } }]),
        "manifest.json": json([{ Config: blobName(image.config), RepoTags: ["x:1", "x:2"], Layers: image.layers.map(blobName) }]),
      };
      expect(names(await load(tarOf(both)))).toEqual([[digestOf(image.config), ["x:1", "x:2"]]]);
      expect(await place.images.list()).toHaveLength(1);
    });

    test("of an index the fitting platform is taken, and another when asked for", async () => {
      const arm = makeImage([layerOf("arm")], {}, "arm64");
      const parts = [ociBlobs(image), ociBlobs(arm)];
      const inner = ociIndex(
        parts.map(({ descriptor }, at) => ({ ...descriptor, platform: { os: "linux", architecture: ["amd64", "arm64"][at] } })),
      );
      const attestation = {
        mediaType: mediaTypes.manifest,
        digest: digestOf(Buffer.from("x")),
        size: 1,
        platform: { os: "unknown", architecture: "unknown" },
      };
      const files = {
        ...parts[0]?.files,
        ...parts[1]?.files,
        [blobName(inner)]: inner,
        "index.json": ociIndex([
          {
            mediaType: mediaTypes.index,
            digest: digestOf(inner),
            size: inner.length,
            annotations: { "io.containerd.image.name": "docker.io/library/m:1" },
          },
          attestation,
        ]),
      };
      expect(names(await load(tarOf(files)))).toEqual([[digestOf(image.config), ["m:1"]]]);
      const [loaded] = await load(tarOf(files), { platform: "linux/arm64" });
      expect(loaded).toEqual({
        id: digestOf(arm.config) as never,
        references: ["m:1"],
        taken: [{ reference: "m:1", from: digestOf(image.config) as never }],
      });
      expect(findImage(place.host.store, `m@${digestOf(inner)}`)).toBeDefined();
      await expect(load(tarOf(files), { platform: "linux/s390x" })).rejects.toMatchObject({ code: "PLATFORM_NOT_FOUND" });
    });

    const layout = (change: (files: Record<string, Buffer>) => Files): Files => change(ociArchive(image, "x:1"));
    const withManifest = (manifest: unknown): Files => ({
      "manifest.json": json(manifest),
      "c.json": image.config,
      "a.tar": base,
      "b.tar": top,
    });
    const hostile: Readonly<Record<string, readonly [files: Files, code: string, problem: string]>> = {
      "nothing of an image": [{ "etc/passwd": Buffer.from("x") }, "ARCHIVE_INVALID", "this is no archive of images"],
      "a name that leaves the archive": [{ "../x": Buffer.from("x") }, "TAR_INVALID", "leaves the archive's root"],
      "links that lead round": [
        [
          ["manifest.json", { symlink: "b" }],
          ["b", { symlink: "manifest.json" }],
        ],
        "ARCHIVE_INVALID",
        "this is no archive of images",
      ],
      "a link that leads out": [
        [["manifest.json", { symlink: "../../../../etc/passwd" }]],
        "ARCHIVE_INVALID",
        "this is no archive of images",
      ],
      "a layer that leads out by an absolute link": [
        [
          ...Object.entries({
            "manifest.json": json([{ Config: "c.json", Layers: ["l", "b.tar"] }]),
            "c.json": image.config,
            "b.tar": top,
          }),
          ["l", { symlink: "/etc/passwd" }],
        ],
        "ARCHIVE_INVALID",
        "which is not in it",
      ],
      "a layer that is missing": [
        withManifest([{ Config: "c.json", RepoTags: null, Layers: ["a.tar", "gone.tar"] }]),
        "ARCHIVE_INVALID",
        "`gone.tar`",
      ],
      "layers in the wrong order": [
        withManifest([{ Config: "c.json", RepoTags: null, Layers: ["b.tar", "a.tar"] }]),
        "LAYER_DIFF_ID_MISMATCH",
        "damaged or forged",
      ],
      "fewer layers than the configuration names": [
        withManifest([{ Config: "c.json", RepoTags: null, Layers: ["a.tar"] }]),
        "ARCHIVE_INVALID",
        "1 layers",
      ],
      "a name that is no reference": [
        withManifest([{ Config: "c.json", RepoTags: ["Bad Name"], Layers: ["a.tar", "b.tar"] }]),
        "INVALID_REFERENCE",
        "invalid reference",
      ],
      "a configuration that is a number": [
        withManifest([{ Config: 3, RepoTags: null, Layers: [] }]),
        "IMAGE_INVALID",
        "`[0].Config` is not a string",
      ],
      "a list that is an object": [withManifest({ Config: "c.json" }), "IMAGE_INVALID", "is not a list"],
      "a blob that is not what its name says": [
        layout((files) => ({ ...files, [blobName(image.config)]: Buffer.from(image.config.toString().replace("A=b", "A=c")) })),
        "ARCHIVE_INVALID",
        "is not what its name says",
      ],
      "a layer that is not what its name says": [
        layout((files) => ({ ...files, [blobName(gzipSync(top))]: gzipSync(layerOf("forged")) })),
        "BLOB_",
        "",
      ],
      "a layer whose tar leads out": [
        withLayers(archive({ path: "../../x", data: "x" })),
        "LAYER_INVALID_TAR",
        "leaves the archive's root",
      ],
      "a damaged layer": [layout((files) => ({ ...files, [blobName(gzipSync(top))]: gzipSync(top).fill(0, 30, 60) })), "", ""],
      "an index of indexes without an end": [
        (() => {
          const index = ociIndex([{ mediaType: mediaTypes.index, digest: `sha256:${"0".repeat(64)}`, size: 1 }]);
          return { "index.json": index };
        })(),
        "ARCHIVE_INVALID",
        "which is not in it",
      ],
      "a layer that is its own parent": [
        {
          repositories: json({ x: { "1": "a".repeat(64) } }),
          [`${"a".repeat(64)}/json`]: json({ parent: "a".repeat(64) }),
          [`${"a".repeat(64)}/layer.tar`]: base,
        },
        "ARCHIVE_INVALID",
        "or is its own",
      ],
      "a parent whose name is a path": [{ repositories: json({ x: { "1": "../../etc" } }) }, "ARCHIVE_INVALID", "is no image's id"],
      "a document of 5 MiB": [{ "manifest.json": Buffer.alloc(5 * 1024 * 1024, " ") }, "ARCHIVE_INVALID", "larger than"],
    };
    function withLayers(...layers: readonly Buffer[]): Files {
      return oldDockerArchive([{ image: makeImage(layers), tags: ["x:1"] }]);
    }
    for (const [what, [files, code, problem]] of Object.entries(hostile)) {
      test(`${what} is told, and nothing is left`, async () => {
        await expect(load(tarOf(files))).rejects.toMatchObject({
          code: expect.stringContaining(code) as unknown,
          message: expect.stringContaining(problem) as unknown,
        });
        expect(await place.images.list({ all: true })).toEqual([]);
        expect(place.stored()).toEqual([]);
      });
    }

    test("an archive that is cut is told, and nothing is left", async () => {
      const whole = tarOf(oldDockerArchive([{ image, tags: ["x:1"] }]));
      for (const length of [100, 700, base.length, whole.length - 2000]) {
        await expect(load(whole.subarray(0, length))).rejects.toMatchObject({ kind: "invalidArgument" });
      }
      expect(place.stored()).toEqual([]);
    });
  });
}

test("a layer larger than the limit is told with the remedy", async () => {
  process.env["WHERRY_MAX_LAYER_SIZE"] = "1k";
  try {
    await expect(place.images.load(chunks(tarOf(ociArchive(image))))).rejects.toThrow("set WHERRY_MAX_LAYER_SIZE to a higher limit");
  } finally {
    delete process.env["WHERRY_MAX_LAYER_SIZE"];
  }
  expect(place.stored()).toEqual([]);
});

test("two loads of one archive at once store it once, and a third does nothing", async () => {
  const bytes = tarOf(ociArchive(image, "x:1"));
  const loads = await Promise.all([1, 2].map(() => place.images.load(chunks(bytes))));
  expect(loads[0]).toEqual(loads[1] ?? []);
  const before = place.stored().length;
  await fromFile(bytes);
  expect(place.stored()).toHaveLength(before);
});
