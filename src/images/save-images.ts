import { closeSync, fstatSync, openSync } from "node:fs";
import { type Compression, decompress } from "../archive/compression.ts";
import { readFileRange } from "../archive/file-range.ts";
import { encodeHeader, padding, tarEnd } from "../archive/tar-writer.ts";
import type { Digest, HostPath } from "../core/brands.ts";
import { encodeText } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import type { ImageRow } from "../state/image-rows.ts";
import { getLayerBlob } from "../state/received-image-rows.ts";
import { fetchDropped } from "./dropped-blobs.ts";
import type { ImageHost } from "./image-host.ts";
import { BlobLease } from "./layer-lease.ts";
import { mediaTypes } from "./media-types.ts";
import type { TransferOptions } from "./open-repository.ts";
import { findNamedImages } from "./find-named-images.ts";
import { parseImage } from "./oci-image.ts";
import { formatPlatform, imagePlatform, parsePlatform, type Platform, satisfiesPlatform } from "./platform.ts";
import { familiarReference } from "./reference.ts";
import { type StoredManifest, storedManifest } from "./stored-manifest.ts";

/** `docker`: layers are plain tars, as every docker reads them. `oci`: an image layout. `both`: one set of files that is both. */
export type ArchiveFormat = "docker" | "oci" | "both";

export const archiveFormats: readonly ArchiveFormat[] = ["docker", "oci", "both"];

/** How to save, and with what the layers that were dropped are fetched again. */
export interface SaveOptions extends Pick<TransferOptions, "credentials" | "signal"> {
  readonly format?: ArchiveFormat;
  /** `os[/architecture[/variant]]` that all of them must be for. */
  readonly platform?: string;
}

/** A file of the archive: from memory, or a stored blob, decompressed when `tarBytes` says how large its tar is. */
type SavedFile =
  | { readonly bytes: Buffer }
  | { readonly blob: HostPath; readonly tarBytes?: number; readonly compression?: Exclude<Compression, "none"> };

interface SavedImage {
  readonly image: ImageRow;
  /** Canonical. */
  readonly references: readonly string[];
  readonly stored: StoredManifest;
}

/**
 * The archive of these images, as a stream: configurations, manifests and (but for `docker`) layers byte for byte as they are stored. The
 * same images give the same bytes. A name without tag means all tags of the repository; an image given by its id has no name in the
 * archive. What is saved stays while the stream is read; end it when it is read no further.
 * @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, INVALID_REFERENCE, before anything is written; PLATFORM_NOT_FOUND, INVALID_PLATFORM; BLOB_NOT_FOUND
 */
export function saveImages(
  host: ImageHost,
  references: readonly string[],
  { format = "both", platform, ...transfer }: SaveOptions = {},
): AsyncIterable<Uint8Array> {
  const images = collectImages(host, references);
  if (platform !== undefined && platform !== "") for (const { image } of images) requirePlatform(image, parsePlatform(platform));
  const files = new Map<string, SavedFile>();
  const digests: Digest[] = [];
  const docker = images.map((saved) => addImage(host, saved, { format, files, digests }));
  if (format !== "docker") {
    files.set("index.json", { bytes: json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: images.flatMap(indexEntries) }) });
    files.set("oci-layout", { bytes: json({ imageLayoutVersion: "1.0.0" }) });
  }
  if (format !== "oci") files.set("manifest.json", { bytes: json(docker) });
  return writeArchive(host, { files, digests, transfer });
}

/** Each manifest once, in the order asked for, with all the names by which it was asked for. */
function collectImages(host: ImageHost, references: readonly string[]): SavedImage[] {
  const found = new Map<string, SavedImage & { readonly names: Set<string> }>();
  for (const reference of references) {
    for (const { image, canonical } of findNamedImages(host.store, reference)) {
      const stored = storedManifest(host, image, canonical);
      const key = `${image.id} ${stored.digest}`;
      const known = found.get(key) ?? { image, stored, references: [], names: new Set<string>() };
      if (canonical !== undefined) known.names.add(canonical);
      found.set(key, known);
    }
  }
  return [...found.values()].map(({ image, stored, names }) => ({ image, stored, references: [...names].sort() }));
}

/** An image here is for one platform. */
function requirePlatform(image: ImageRow, platform: Platform): void {
  if (satisfiesPlatform(imagePlatform(parseImage(image.config)), platform)) return;
  throw new EngineError({
    kind: "notFound",
    code: "PLATFORM_NOT_FOUND",
    message: `save image: \`${image.id}\` is for ${formatPlatform(imagePlatform(parseImage(image.config)))}, not for ${formatPlatform(platform)}`,
  });
}

/** What `manifest.json` says of the image. */
function addImage(
  host: ImageHost,
  { image, references, stored }: SavedImage,
  into: { readonly format: ArchiveFormat; readonly files: Map<string, SavedFile>; readonly digests: Digest[] },
): object {
  const { files, digests, format } = into;
  const { config, layers } = stored.manifest;
  files.set(blobName(config.digest), { bytes: host.content.read(config.digest) });
  if (format !== "docker") files.set(blobName(stored.digest), { bytes: stored.bytes });
  const names = layers.map(({ digest }, at) => {
    digests.push(digest);
    const diffId = image.layers[at];
    const blob = getLayerBlob(host.store, digest);
    if (format !== "docker" || blob === undefined || blob.compression === "none" || diffId === undefined) {
      files.set(blobName(digest), { blob: host.content.path(digest) });
      return blobName(digest);
    }
    const name = blobName(diffId);
    files.set(name, {
      blob: host.content.path(digest),
      tarBytes: blob.tarBytes,
      compression: blob.compression,
    });
    return name;
  });
  const tags = references.filter((reference) => !reference.includes("@")).map(familiarReference);
  return { Config: blobName(config.digest), RepoTags: tags.length === 0 ? null : tags, Layers: names };
}

/** One entry for each name, as containerd and docker read them; one without a name for an image that has none. */
function indexEntries({ references, stored }: SavedImage): object[] {
  const descriptor = { mediaType: stored.mediaType, digest: stored.digest, size: stored.bytes.length };
  const tags = references.filter((reference) => !reference.includes("@"));
  if (tags.length === 0) return [descriptor];
  return tags.map((name) => ({
    ...descriptor,
    annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1) },
  }));
}

async function* writeArchive(
  host: ImageHost,
  {
    files,
    digests,
    transfer,
  }: { readonly files: ReadonlyMap<string, SavedFile>; readonly digests: readonly Digest[]; readonly transfer: TransferOptions },
): AsyncGenerator<Uint8Array> {
  using _lease = new BlobLease(host.store, digests);
  // Before the first byte: what can't be had must not end the archive half way.
  for (const digest of digests) await fetchDropped(host, digest, transfer);
  yield* [directory("blobs"), directory("blobs/sha256")];
  for (const [name, file] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if ("bytes" in file) yield* [fileHeader(name, file.bytes.length), file.bytes, padding(file.bytes.length)];
    else yield* writeBlob(name, file);
  }
  yield tarEnd;
}

async function* writeBlob(name: string, file: Extract<SavedFile, { blob: HostPath }>): AsyncGenerator<Uint8Array> {
  const fd = openBlob(file.blob);
  try {
    const stored = fstatSync(fd).size;
    const size = file.tarBytes ?? stored;
    yield fileHeader(name, size);
    const bytes = readFileRange(fd, 0, stored);
    let written = 0;
    for await (const chunk of file.compression === undefined ? bytes : decompress(file.compression, bytes)) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw damagedBlob(file.blob);
    yield padding(size);
  } finally {
    closeSync(fd);
  }
}

function openBlob(path: HostPath): number {
  try {
    return openSync(path, "r");
  } catch {
    throw damagedBlob(path);
  }
}

function damagedBlob(path: HostPath): EngineError {
  return new EngineError({ kind: "internal", code: "BLOB_NOT_FOUND", message: `save image: blob \`${path}\` is missing or damaged` });
}

const blobName = (digest: string) => `blobs/${digest.replace(":", "/")}`;
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const always = { uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 } };

function directory(path: string): Buffer {
  return encodeHeader({ ...always, path: encodeText(path), type: "directory", mode: 0o755, size: 0 });
}

function fileHeader(path: string, size: number): Buffer {
  return encodeHeader({ ...always, path: encodeText(path), type: "file", mode: 0o644, size });
}
