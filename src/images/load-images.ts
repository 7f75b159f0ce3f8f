import { createHash } from "node:crypto";
import { fstatSync, readSync } from "node:fs";
import { ByteSource } from "../archive/byte-source.ts";
import { decompress, detectCompression } from "../archive/compression.ts";
import { readFileRange } from "../archive/file-range.ts";
import type { Digest } from "../core/brands.ts";
import { getImageByReference } from "../state/image-rows.ts";
import { type ArchivedImage, type OciImages, readDockerImages, readOciImages } from "./archive-images.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { FileArchive } from "./file-archive.ts";
import { type ImageArchive, invalidArchive, missingFile } from "./image-archive.ts";
import type { ImageHost } from "./image-host.ts";
import type { IngestedLayer } from "./ingest-layer.ts";
import { readLegacyImages } from "./legacy-images.ts";
import type { LoadedImage, LoadOptions } from "./load-options.ts";
import { mediaTypes } from "./media-types.ts";
import type { OciManifest } from "./oci-image.ts";
import { parseConfig } from "./parse-config.ts";
import { imagePlatform, parsePlatform, type Platform, requireUsableSystem } from "./platform.ts";
import { untilAborted } from "./until-aborted.ts";
import { canonicalReference, familiarReference } from "./reference.ts";
import { runAtOnce } from "./run-at-once.ts";
import { StreamArchive } from "./stream-archive.ts";
import { warmProgram } from "./warm-program.ts";
import { storeReceivedImage } from "./store-received-image.ts";

/** The descriptor of a regular file, which is read where it is needed, or bytes as they come. */
export type ArchiveInput = { readonly fd: number } | AsyncIterable<Uint8Array>;

export type { LoadedImage, LoadOptions } from "./load-options.ts";

/** How many layers are taken in at the same time: inflating has threads of its own. */
const parallelLayers = 3;

/**
 * Loads the images of an archive: docker's form, an OCI layout or both in one, compressed or not, in one pass. Memory is bounded whatever
 * the archive's size. Each image is there whole or not at all; those before a damaged one stay,
 * and nothing else does. One named by another digest than SHA-256 fails it when the others are there.
 * @throws {EngineError} ARCHIVE_INVALID, TAR_INVALID, IMAGE_INVALID, PLATFORM_NOT_FOUND, INVALID_DIGEST, what `ingestLayer` throws
 */
export async function loadImages(host: ImageHost, input: ArchiveInput, options: LoadOptions = {}): Promise<LoadedImage[]> {
  const platform = options.platform === undefined || options.platform === "" ? undefined : parsePlatform(options.platform);
  await collectGarbage(host);
  try {
    await using archive = await openArchive(host, input, options);
    const { images, refused } = await readImages(archive, platform, options.signal);
    const loaded: LoadedImage[] = [];
    for (const image of images) {
      const done = await loadImage(host, archive, { image, options: { ...options, platform } });
      loaded.push(done);
      options.onLoaded?.(done);
    }
    if (refused !== undefined) throw refused;
    return loaded;
  } catch (error) {
    // Layers that were stored before it failed.
    await collectGarbage(host);
    throw error;
  }
}

async function openArchive(host: ImageHost, input: ArchiveInput, options: LoadOptions): Promise<ImageArchive> {
  if (Symbol.asyncIterator in input) return StreamArchive.receive(host, await uncompressed(untilAborted(input, options.signal)), options);
  const { fd } = input;
  const head = Buffer.alloc(8);
  const compression = detectCompression(head.subarray(0, readSync(fd, head, 0, head.length, 0)));
  if (compression === "none") return FileArchive.open(host, fd, options.onProgress);
  return StreamArchive.receive(host, decompress(compression, readFileRange(fd, 0, fstatSync(fd).size)), options);
}

async function uncompressed(input: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const source = new ByteSource(input);
  const head = await source.take(8);
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* source.rest();
  }
  const compression = detectCompression(head);
  return compression === "none" ? whole() : decompress(compression, whole());
}

/** Those of the OCI layout, whose manifests stay as they are, then what only the docker form tells: images, and further names. */
async function readImages(archive: ImageArchive, platform: Platform | undefined, signal?: AbortSignal): Promise<OciImages> {
  const [index, manifest] = [await archive.read("index.json"), await archive.read("manifest.json")];
  if (index === undefined && manifest === undefined) {
    const repositories = await archive.read("repositories");
    if (repositories !== undefined) return { images: await readLegacyImages(archive, repositories, signal), refused: undefined };
    throw invalidArchive(
      "neither `manifest.json` nor `index.json` is in it: this is no archive of images; a root file system is brought in with wherry import",
    );
  }
  const layout = index === undefined ? undefined : await readOciImages(archive, index, platform);
  const images = mergeNames(layout?.images ?? []);
  const known = new Set(images.flatMap((image) => image.references.map(canonicalReference)));
  for (const image of manifest === undefined ? [] : await readDockerImages(archive, manifest, platform)) {
    const at = images.findIndex((other) => other.config.equals(image.config));
    const same = images[at];
    if (same === undefined) images.push(image);
    else {
      const further = image.references.filter((reference) => !known.has(canonicalReference(reference)));
      images[at] = { ...same, references: [...same.references, ...further] };
    }
  }
  // The other form has it, too.
  const refused = manifest === undefined ? layout?.refused : undefined;
  if (images.length === 0) throw refused ?? invalidArchive("it holds no image");
  return { images, refused };
}

/** One manifest under several names is one image. */
function mergeNames(images: readonly ArchivedImage[]): ArchivedImage[] {
  const merged = new Map<string, ArchivedImage>();
  for (const image of images) {
    const key = [image.manifest?.bytes, image.index].map((bytes) => (bytes === undefined ? "" : digestOf(bytes))).join(" ");
    const same = merged.get(key);
    merged.set(key, same === undefined ? image : { ...same, references: [...same.references, ...image.references] });
  }
  return [...merged.values()];
}

async function loadImage(
  host: ImageHost,
  archive: ImageArchive,
  {
    image,
    options,
  }: { readonly image: ArchivedImage; readonly options: Omit<LoadOptions, "platform"> & { readonly platform: Platform | undefined } },
): Promise<LoadedImage> {
  const { diffIds, image: described } = parseConfig(image.config);
  requireUsableSystem(imagePlatform(described), options.platform, "load");
  if (image.layers.length !== diffIds.length) {
    throw invalidArchive(`an image of ${image.layers.length} layers whose configuration names ${diffIds.length}`);
  }
  const layers = await runAtOnce(image.layers, { limit: parallelLayers, signal: options.signal }, (path, at, signal) => {
    const diffId = diffIds[at];
    const descriptor = image.manifest?.parsed.layers[at];
    if (diffId === undefined) throw missingFile(path);
    return archive.layer(path, {
      diffId,
      ...(descriptor === undefined
        ? {}
        : { expected: { digest: descriptor.digest, sizeBytes: descriptor.size }, mediaType: descriptor.mediaType }),
      signal,
    });
  });
  const references = [...new Map(image.references.map((reference) => [canonicalReference(reference), reference])).values()];
  const before = references.map((reference) => getImageByReference(host.store, canonicalReference(reference))?.id);
  const id = storeReceivedImage(host, {
    config: image.config,
    ...(image.manifest === undefined
      ? { manifest: makeManifest(image.config, layers), mediaType: mediaTypes.manifest }
      : { manifest: image.manifest.bytes, mediaType: image.manifest.parsed.mediaType }),
    layers,
    references,
    ...(image.index === undefined ? {} : { index: image.index }),
  });
  warmProgram(host, described, diffIds);
  const names = references.map((reference) => familiarReference(canonicalReference(reference)));
  return {
    id,
    references: names,
    taken: names.flatMap((reference, at) => {
      const from = before[at];
      return from === undefined || from === id ? [] : [{ reference, from }];
    }),
  };
}

/** Docker's form has no manifest: the same image gives the same one. */
function makeManifest(config: Buffer, layers: readonly IngestedLayer[]): Buffer {
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return Buffer.from(JSON.stringify(manifest));
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}
