import { closeSync, openSync, readSync } from "node:fs";
import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { pushBlob } from "../registry/blob-upload.ts";
import type { Repository } from "../registry/repository.ts";
import { listRepositoriesWithBlob, listTags } from "../state/image-names.ts";
import { type ImageRow, setReference } from "../state/image-rows.ts";
import { getReferencedManifest, listManifests } from "../state/received-image-rows.ts";
import { fetchDropped } from "./dropped-blobs.ts";
import type { ImageHost } from "./image-host.ts";
import { mediaKindOf } from "./media-types.ts";
import type { OciDescriptor, OciManifest } from "./oci-image.ts";
import { explainRefusal, openRepository, type TransferOptions } from "./open-repository.ts";
import { parseIndex, parseManifest } from "./parse-manifest.ts";
import { canonicalReference, familiarReference, type ImageReference, parseReference } from "./reference.ts";
import { findImage } from "./resolve-image.ts";
import { runAtOnce } from "./run-at-once.ts";

export interface PushOptions extends TransferOptions {
  /** Blobs under way at once (5, as docker). */
  readonly parallel?: number;
}

export interface PushedImage {
  /** `debian:12`. */
  readonly reference: string;
  /** `docker.io/library/debian:12`. */
  readonly canonical: string;
  readonly tag: string;
  readonly digest: Digest;
}

/**
 * Brings an image to its registry as it is: the manifest's bytes, and so its digest, are those that are stored here. Blobs that the
 * registry has are not sent; those that another repository of it has, as far as is known here, are mounted from there.
 * @throws {EngineError} INVALID_REFERENCE, IMAGE_NOT_FOUND, BLOB_NOT_FOUND, REGISTRY_*; the signal's reason
 */
export async function pushImage(host: ImageHost, name: string, options: PushOptions = {}): Promise<PushedImage> {
  const reference = parseReference(name);
  if (reference.digest !== undefined) {
    throw new EngineError({ kind: "invalidArgument", code: "INVALID_REFERENCE", message: "cannot push a digest reference; give a tag" });
  }
  const repository = await openRepository(reference, options);
  using _client = repository.client;
  return await pushReference(host, repository, reference, options);
}

/** Every tag that the repository has here, in alphabetical order. @throws as `pushImage` */
export async function pushAllTags(host: ImageHost, name: string, options: PushOptions = {}): Promise<readonly PushedImage[]> {
  const named = parseReference(name);
  const tags = listTags(host.store, `${named.domain}/${named.path}`);
  if (tags.length === 0) {
    const shown = familiarReference(`${named.domain}/${named.path}`);
    throw new EngineError({
      kind: "notFound",
      code: "IMAGE_NOT_FOUND",
      message: `An image does not exist locally with the tag: ${shown}`,
    });
  }
  const repository = await openRepository(named, options);
  using _client = repository.client;
  const pushed: PushedImage[] = [];
  for (const tag of tags) pushed.push(await pushReference(host, repository, { ...named, tag, digest: undefined }, options));
  return pushed;
}

async function pushReference(
  host: ImageHost,
  repository: Repository,
  reference: ImageReference,
  options: PushOptions,
): Promise<PushedImage> {
  const { signal, onProgress } = options;
  repository.client.leaveMirrors();
  const canonical = canonicalReference(reference);
  const shown = familiarReference(canonical);
  const tag = reference.tag ?? "latest";
  const image = findTagged(host, canonical, shown);
  const { bytes, manifest, digest } = readPushedManifest(host, image, canonical);
  onProgress?.({ kind: "image", tag, repository: reference.path, name: `${reference.domain}/${reference.path}` });
  // Uppermost first: what others share lies below, and is the likelier to be there.
  const blobs = [...new Map([...manifest.layers, manifest.config].map((blob) => [blob.digest, blob])).values()];
  try {
    const layers = blobs.slice(0, -1);
    for (const blob of layers) report(options, blob, "waiting");
    await runAtOnce(layers, { limit: options.parallel ?? 5, signal }, async (blob, _, stop) => {
      await pushOne(host, repository, blob, { ...options, signal: stop });
      return { [Symbol.dispose]: () => undefined };
    });
    const { onProgress: _progress, ...quiet } = options;
    await pushOne(host, repository, manifest.config, quiet);
    await repository.putManifest(tag, { bytes, mediaType: manifest.mediaType }, signal);
  } catch (error) {
    throw explainRefusal(error, { direction: "push", reference, shown });
  }
  const known = canonicalReference({ ...reference, tag: undefined, digest });
  host.store.transaction(() => setReference(host.store, known, image.id, digest));
  onProgress?.({ kind: "done", tag, digest, sizeBytes: bytes.length });
  return { reference: shown, canonical, tag, digest };
}

function findTagged(host: ImageHost, canonical: string, shown: string): ImageRow {
  try {
    return findImage(host.store, canonical);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "IMAGE_NOT_FOUND") throw error;
    const message = `An image does not exist locally with the tag: ${shown.replace(/:[^:/]*$/, "")}`;
    throw new EngineError({ kind: "notFound", code: "IMAGE_NOT_FOUND", message, cause: error });
  }
}

/** The manifest that the name stands for. Of an index, the other platforms' images are not here: it is the manifest for this one. */
function readPushedManifest(
  host: ImageHost,
  image: ImageRow,
  canonical: string,
): { readonly bytes: Buffer; readonly manifest: OciManifest; readonly digest: Digest } {
  const known = listManifests(host.store, image.id);
  const meant = known.find(({ digest }) => digest === getReferencedManifest(host.store, canonical));
  let chosen = meant;
  if (meant !== undefined && mediaKindOf(meant.mediaType) === "index") {
    const entries = parseIndex(host.content.read(meant.digest), meant.mediaType).manifests;
    chosen = known.find(({ digest }) => entries.some((entry) => entry.digest === digest));
  }
  const digest = chosen?.digest ?? image.manifestDigest;
  const bytes = host.content.read(digest);
  return { bytes, manifest: parseManifest(bytes, chosen?.mediaType), digest };
}

async function pushOne(host: ImageHost, repository: Repository, blob: OciDescriptor, options: PushOptions): Promise<void> {
  const { digest, size } = blob;
  const pushed = await pushBlob(repository, {
    descriptor: { digest, sizeBytes: size },
    read: (start, end) => readRange(host, digest, { start, end }, options),
    mountFrom: mountSources(host, repository, digest),
    signal: options.signal,
    onProgress: (sent) => report(options, blob, "uploading", sent),
  });
  if (pushed === "exists") report(options, blob, "exists");
  else if (pushed === "pushed") report(options, blob, "pushed", size);
  else options.onProgress?.({ kind: "blob", digest, state: "mounted", currentBytes: size, totalBytes: size, from: pushed.mountedFrom });
}

/** Other repositories of the same registry that are known to have it; one try is worth it, more are not. */
function mountSources(host: ImageHost, { client, name }: Repository, digest: Digest): readonly string[] {
  return listRepositoriesWithBlob(host.store, client.host.name, digest)
    .filter((path) => path !== name)
    .slice(0, 1);
}

function report(options: PushOptions, blob: OciDescriptor, state: "waiting" | "uploading" | "pushed" | "exists", currentBytes = 0): void {
  options.onProgress?.({ kind: "blob", digest: blob.digest, state, currentBytes, totalBytes: blob.size });
}

const chunkBytes = 256 * 1024;

async function* readRange(
  host: ImageHost,
  digest: Digest,
  range: { readonly start: number; readonly end: number },
  { credentials, signal }: TransferOptions,
): AsyncGenerator<Uint8Array> {
  await fetchDropped(host, digest, { ...(credentials === undefined ? {} : { credentials }), ...(signal === undefined ? {} : { signal }) });
  let fd: number;
  try {
    fd = openSync(host.content.path(digest), "r");
  } catch (cause) {
    const message = `read blob \`${digest}\`: it is not stored any more, so the image can't be pushed`;
    throw new EngineError({ kind: "notFound", code: "BLOB_NOT_FOUND", message, cause });
  }
  try {
    for (let at = range.start; at < range.end; ) {
      // A fresh one each time: what was handed out may still be waiting to be sent.
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, range.end - at));
      const count = readSync(fd, chunk, 0, chunk.length, at);
      if (count === 0)
        throw new EngineError({ kind: "internal", code: "BLOB_NOT_FOUND", message: `read blob \`${digest}\`: it is cut short` });
      yield chunk.subarray(0, count);
      at += count;
    }
  } finally {
    closeSync(fd);
  }
}
