import { createHash } from "node:crypto";
import type { Digest, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { ReceivedManifest, Repository } from "../registry/repository.ts";
import { getImageByReference } from "../state/image-rows.ts";
import { getReferencedManifest } from "../state/received-image-rows.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { ingestLayer, type IngestedLayer } from "./ingest-layer.ts";
import { mediaKindOf } from "./media-types.ts";
import type { OciDescriptor, OciManifest } from "./oci-image.ts";
import { explainRefusal, openRepository, type TransferOptions } from "./open-repository.ts";
import { maxConfigBytes, parseConfig } from "./parse-config.ts";
import { manifestKindOf, parseIndex, parseManifest, requireSha256 } from "./parse-manifest.ts";
import {
  formatPlatform,
  hostPlatform,
  imagePlatform,
  isSamePlatform,
  parsePlatform,
  type Platform,
  requireUsableSystem,
} from "./platform.ts";
import { canonicalReference, familiarReference, type ImageReference, parseReference } from "./reference.ts";
import { runAtOnce } from "./run-at-once.ts";
import { selectPlatform } from "./select-platform.ts";
import { storeReceivedImage } from "./store-received-image.ts";
import { warmProgram } from "./warm-program.ts";

export interface PullOptions extends TransferOptions {
  /** `os/architecture[/variant]`; this machine's when absent. */
  readonly platform?: string;
  /** Layers under way at once (3, as docker). */
  readonly parallel?: number;
}

export interface PulledImage {
  readonly id: ImageId;
  /** The short form of what was pulled: `debian:12`. */
  readonly reference: string;
  /** The complete form: `docker.io/library/debian:12`. */
  readonly canonical: string;
  /** Of the index where the name means one, else of the manifest. */
  readonly digest: Digest;
  /** False: the name meant that very image already. */
  readonly updated: boolean;
}

/**
 * Brings an image from its registry, byte for byte, verified as it streams. Layers that are here are not asked for; of several pulls at
 * once, in whatever process, one fetches a layer and the others wait for it. On failure, abort or death nothing is left but what garbage
 * collection takes.
 * @throws {EngineError} INVALID_REFERENCE, INVALID_PLATFORM, REGISTRY_*, PLATFORM_NOT_FOUND, what `ingestLayer` and `storeReceivedImage`
 * throw; the signal's reason
 */
export async function pullImage(host: ImageHost, name: string, options: PullOptions = {}): Promise<PulledImage> {
  const reference = parseReference(name);
  const platform = options.platform === undefined || options.platform === "" ? undefined : parsePlatform(options.platform);
  const repository = await openRepository(reference, options);
  using _client = repository.client;
  await collectGarbage(host);
  return await pullReference(host, { repository, reference, platform }, options);
}

/** Every tag of the repository, one after another. @throws as `pullImage` */
export async function pullAllTags(host: ImageHost, name: string, options: PullOptions = {}): Promise<readonly PulledImage[]> {
  const named = parseReference(name);
  const platform = options.platform === undefined || options.platform === "" ? undefined : parsePlatform(options.platform);
  const repository = await openRepository(named, options);
  using _client = repository.client;
  await collectGarbage(host);
  const tags = await repository.tags(options.signal).catch((error: unknown) => {
    throw explainRefusal(error, { direction: "pull", reference: named, shown: familiarReference(`${named.domain}/${named.path}`) });
  });
  const pulled: PulledImage[] = [];
  for (const tag of tags) {
    const reference = { domain: named.domain, path: named.path, tag, digest: undefined };
    pulled.push(await pullReference(host, { repository, reference, platform }, options));
  }
  return pulled;
}

interface Wanted {
  readonly repository: Repository;
  readonly reference: ImageReference;
  /** Undefined: this machine's, if there is a choice. */
  readonly platform: Platform | undefined;
}

async function pullReference(host: ImageHost, wanted: Wanted, options: PullOptions): Promise<PulledImage> {
  const { repository, platform } = wanted;
  // As docker: of a tag and a digest the digest counts.
  const reference = wanted.reference.digest === undefined ? wanted.reference : { ...wanted.reference, tag: undefined };
  const canonical = canonicalReference(reference);
  const shown = familiarReference(canonical);
  const tag = reference.digest ?? reference.tag ?? "latest";
  const { signal } = options;
  const received = await repository.manifest(tag, signal).catch((error: unknown) => {
    throw explainRefusal(error, { direction: "pull", reference, shown });
  });
  const name = familiarReference(`${reference.domain}/${reference.path}`);
  options.onProgress?.({ kind: "image", tag, repository: reference.path, name });
  const { manifest, index } = isIndex(received)
    ? await chooseManifest(host, repository, { index: received, platform: platform ?? hostPlatform() }, signal)
    : { manifest: received, index: undefined };
  const parsed = parseManifest(manifest.bytes, manifest.mediaType);
  const config = await fetchSmall(host, repository, parsed.config, signal);
  const { image, diffIds } = parseConfig(config);
  const found = imagePlatform(image);
  if (platform !== undefined && index === undefined) requirePlatform(shown, found, platform);
  requireUsableSystem(found, platform, "pull");
  const layers = await pullLayers(host, { repository, manifest: parsed, diffIds }, options);
  try {
    faultPoint("pull-layers-stored");
    const before = meaning(host, canonical);
    const id = storeReceivedImage(host, {
      config,
      manifest: manifest.bytes,
      mediaType: parsed.mediaType,
      layers,
      references: reference.tag === undefined ? [] : [reference],
      repoDigests: [{ ...reference, tag: undefined, digest: received.digest }],
      ...(index === undefined ? {} : { index: index.bytes }),
    });
    warmProgram(host, image, diffIds);
    options.onProgress?.({ kind: "done", tag, digest: received.digest, sizeBytes: received.bytes.length });
    return { id, reference: shown, canonical, digest: received.digest, updated: before !== meaning(host, canonical) };
  } finally {
    for (const layer of layers) layer[Symbol.dispose]();
  }
}

/** What a name stands for now, to be compared. */
function meaning(host: ImageHost, canonical: string): string {
  return host.store.transaction(() => {
    const id = getImageByReference(host.store, canonical)?.id ?? "";
    return `${id} ${getReferencedManifest(host.store, canonical) ?? ""}`;
  });
}

function isIndex({ bytes, mediaType }: ReceivedManifest): boolean {
  const kind = mediaKindOf(mediaType);
  return kind === "index" || (kind !== "manifest" && manifestKindOf(bytes) === "index");
}

/** As for an archive. */
const deepestIndex = 5;

/** Through nested indexes, to the manifest and the index that names it. */
async function chooseManifest(
  host: ImageHost,
  repository: Repository,
  { index, platform }: { readonly index: ReceivedManifest; readonly platform: Platform },
  signal?: AbortSignal,
): Promise<{ readonly manifest: ReceivedManifest; readonly index: ReceivedManifest }> {
  let from = index;
  for (let depth = 1; depth <= deepestIndex; depth++) {
    const entry = selectPlatform(parseIndex(from.bytes, from.mediaType), platform);
    requireSha256(entry.digest);
    const here = readStored(host, entry);
    const received = here === undefined ? await repository.manifest(entry.digest, signal) : { bytes: here, digest: entry.digest };
    const found = { ...received, mediaType: entry.mediaType };
    if (mediaKindOf(entry.mediaType) === "manifest") return { manifest: found, index: from };
    from = found;
  }
  throw new EngineError({
    kind: "invalidArgument",
    code: "IMAGE_UNSUPPORTED",
    message: `read image index: indexes within indexes, more than ${deepestIndex} deep`,
  });
}

function requirePlatform(shown: string, image: Platform, platform: Platform): void {
  if (isSamePlatform(image, platform)) return;
  throw new EngineError({
    kind: "notFound",
    code: "PLATFORM_NOT_FOUND",
    message: `image ${shown} is for ${formatPlatform(image)}, not for ${formatPlatform(platform)}`,
  });
}

/** A configuration: from the store when it is here. */
async function fetchSmall(host: ImageHost, repository: Repository, descriptor: OciDescriptor, signal?: AbortSignal): Promise<Buffer> {
  const here = readStored(host, descriptor);
  if (here !== undefined) return here;
  if (descriptor.size > maxConfigBytes) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "IMAGE_INVALID",
      message: `read image configuration: its ${descriptor.size} bytes are more than the ${maxConfigBytes} that are taken`,
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob({ digest: descriptor.digest, sizeBytes: descriptor.size }, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (digest === descriptor.digest) return bytes;
  throw new EngineError({
    kind: "invalidArgument",
    code: "BLOB_DIGEST_MISMATCH",
    message: `pull blob \`${descriptor.digest}\`: the ${bytes.length} bytes received are \`${digest}\``,
  });
}

/** Verified when it was stored. */
function readStored(host: ImageHost, { digest, size }: OciDescriptor): Buffer | undefined {
  if (!host.content.has(digest)) return undefined;
  try {
    const bytes = host.content.read(digest);
    return bytes.length === size ? bytes : undefined;
  } catch (error) {
    // Garbage that another process has collected just now.
    if (error instanceof EngineError && error.code === "BLOB_NOT_FOUND") return undefined;
    throw error;
  }
}

async function pullLayers(
  host: ImageHost,
  {
    repository,
    manifest,
    diffIds,
  }: { readonly repository: Repository; readonly manifest: OciManifest; readonly diffIds: readonly string[] },
  options: PullOptions,
): Promise<IngestedLayer[]> {
  if (manifest.layers.length !== diffIds.length) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "IMAGE_INVALID",
      message: `pull image: its manifest names ${manifest.layers.length} layers, its configuration ${diffIds.length}; it is damaged or forged`,
    });
  }
  const report = (layer: OciDescriptor, state: "waiting" | "downloading" | "storing" | "pulled" | "exists", currentBytes = 0): void =>
    options.onProgress?.({ kind: "blob", digest: layer.digest, state, currentBytes, totalBytes: layer.size });
  for (const layer of manifest.layers) report(layer, "waiting");
  return await runAtOnce(manifest.layers, { limit: options.parallel ?? 3, signal: options.signal }, async (layer, index, signal) => {
    const expected = { digest: layer.digest, sizeBytes: layer.size };
    async function* bytes(): AsyncGenerator<Uint8Array> {
      let had = 0;
      report(layer, "downloading");
      for await (const chunk of repository.blob(expected, signal)) {
        yield chunk;
        had += chunk.length;
        report(layer, "downloading", had);
      }
      report(layer, "storing", had);
    }
    const diffId = diffIds[index] as IngestedLayer["row"]["diffId"];
    const ingested = await ingestLayer(host, bytes(), { expected, diffId, mediaType: layer.mediaType, signal });
    report(layer, ingested.reused ? "exists" : "pulled", layer.size);
    return ingested;
  });
}
