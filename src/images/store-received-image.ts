import { createHash } from "node:crypto";
import type { BlobWriter } from "../content/blob-writer.ts";
import type { ContainerPath, DiffId, Digest, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { readLayeredFiles } from "../layers/lookup.ts";
import { type ImageRow, insertBlob, insertImage, insertLayer, setReference } from "../state/image-rows.ts";
import { insertManifest } from "../state/received-image-rows.ts";
import { hasBlob } from "./dropped-blobs.ts";
import type { ImageHost } from "./image-host.ts";
import type { StoredLayer } from "./ingest-layer.ts";
import type { OciManifest } from "./oci-image.ts";
import { parseConfig } from "./parse-config.ts";
import { parseIndex, parseManifest } from "./parse-manifest.ts";
import { canonicalReference, type ImageReference, refuseAmbiguousName } from "./reference.ts";

export interface ReceivedImage {
  /** As received; the image's id is its digest. */
  readonly config: Buffer;
  readonly manifest: Buffer;
  /** Of the manifest, as its descriptor or the registry says. */
  readonly mediaType: string;
  /** Bottom first, one for each of the manifest's layers; they stay the caller's. */
  readonly layers: readonly StoredLayer[];
  /** Names that the image gets, taken from other images if need be. */
  readonly references: readonly ImageReference[];
  /** `NAME@DIGEST`, of the index where there is one, else of the manifest; what `images --digests` shows. */
  readonly repoDigests?: readonly ImageReference[];
  /** The index by which the manifest was found. */
  readonly index?: Buffer;
  /** The local image it was made from. */
  readonly parent?: ImageRow;
}

/**
 * Stores an image as received, byte for byte, whose layers the driver has: manifest, configuration, index and names become visible in one
 * transaction, durably. Idempotent; another manifest of the same configuration is kept beside the first. What the parts say of each other
 * is checked.
 * @throws {EngineError} IMAGE_INVALID, IMAGE_UNSUPPORTED; LAYER_NOT_FOUND when a layer vanished meanwhile; NO_SPACE
 */
export function storeReceivedImage(host: ImageHost, received: ReceivedImage): ImageId {
  const { store, content } = host;
  const manifest = parseManifest(received.manifest, received.mediaType);
  const { diffIds, createdAt, text } = parseConfig(received.config);
  for (const name of received.references) refuseAmbiguousName(name);
  checkParts(received, manifest, diffIds);
  const id = manifest.config.digest as string as ImageId;
  const rows = received.layers.map((layer) => layer.row);
  const [passwd, group] = readAccounts(host, diffIds);
  const blobs: BlobWriter[] = [];
  try {
    for (const bytes of [received.config, received.manifest, received.index]) {
      if (bytes === undefined) continue;
      const blob = content.begin();
      blobs.push(blob);
      blob.write(bytes);
      blob.finish();
    }
    const manifestDigest = digestOf(received.manifest);
    const target = received.index === undefined ? manifestDigest : digestOf(received.index);
    store.durably(() => {
      for (const { row, descriptor } of received.layers) {
        if (!host.layers.has(row.diffId) || !hasBlob(host, descriptor.digest)) throw vanished(row.diffId);
      }
      for (const [at, blob] of blobs.entries()) blob.publish({ sync: at === blobs.length - 1 });
      faultPoint("image-blobs-published");
      for (const row of rows) insertLayer(store, row);
      insertImage(store, {
        id,
        createdAt,
        config: text,
        manifestDigest,
        parent: received.parent?.id ?? "",
        layers: diffIds,
        sizeBytes: rows.reduce((sum, row) => sum + row.sizeBytes, 0),
        passwd: passwd?.toString("utf8") ?? "",
        group: group?.toString("utf8") ?? "",
      });
      insertManifest(store, id, { digest: manifestDigest, mediaType: manifest.mediaType });
      if (received.index !== undefined) insertManifest(store, id, { digest: target, mediaType: parseIndex(received.index).mediaType });
      const digests = [...blobs.map((blob) => blob.finish().digest), ...manifest.layers.map((layer) => layer.digest)];
      for (const digest of digests) insertBlob(store, id, digest);
      for (const name of [...received.references, ...(received.repoDigests ?? [])])
        setReference(store, canonicalReference(name), id, target);
    });
  } finally {
    for (const blob of blobs) blob[Symbol.dispose]();
  }
  faultPoint("image-recorded");
  return id;
}

/** Configuration, manifest, layers and index must speak of the same things. */
function checkParts(received: ReceivedImage, manifest: OciManifest, diffIds: readonly DiffId[]): void {
  const { config, layers, index } = received;
  if (manifest.config.digest !== digestOf(config) || manifest.config.size !== config.length) {
    throw inconsistent(`the manifest names the configuration \`${manifest.config.digest}\`, which is not the one received`);
  }
  if (manifest.layers.length !== diffIds.length) {
    throw inconsistent(`the manifest names ${manifest.layers.length} layers, the configuration ${diffIds.length}`);
  }
  if (layers.length !== diffIds.length) throw inconsistent(`${layers.length} of its ${diffIds.length} layers were received`);
  for (const [at, { descriptor, row }] of layers.entries()) {
    const named = manifest.layers[at];
    if (named?.digest !== descriptor.digest || named.size !== descriptor.size) {
      throw inconsistent(`layer ${at + 1} is \`${named?.digest}\` in the manifest, received was \`${descriptor.digest}\``);
    }
    if (row.diffId !== diffIds[at]) {
      throw inconsistent(`layer ${at + 1} unpacks to \`${row.diffId}\`, the configuration says \`${diffIds[at]}\``);
    }
  }
  if (index === undefined) return;
  const digest = digestOf(received.manifest);
  if (!parseIndex(index).manifests.some((entry) => entry.digest === digest)) throw inconsistent("the index does not name the manifest");
}

/** Recorded, so that starting a container does not look for them. */
function readAccounts(host: ImageHost, diffIds: readonly DiffId[]): (Buffer | undefined)[] {
  if (diffIds.length === 0) return [];
  const paths = ["/etc/passwd", "/etc/group"] as ContainerPath[];
  return readLayeredFiles(host.launcher, host.layers.lowers(diffIds), paths);
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

function inconsistent(problem: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "IMAGE_INVALID", message: `store image: ${problem}; it is damaged or forged` });
}

function vanished(diffId: DiffId): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "LAYER_NOT_FOUND",
    message: `store image: its layer \`${diffId}\` is not there (any more); make it again`,
  });
}
