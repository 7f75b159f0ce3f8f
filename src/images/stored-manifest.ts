import type { Digest } from "../core/brands.ts";
import type { ImageRow } from "../state/image-rows.ts";
import { getReferencedManifest, listManifests } from "../state/received-image-rows.ts";
import type { ImageHost } from "./image-host.ts";
import { mediaKindOf, mediaTypes } from "./media-types.ts";
import type { OciManifest } from "./oci-image.ts";
import { parseIndex, parseManifest } from "./parse-manifest.ts";

/** A manifest as it is stored: byte for byte as received, or as made here. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly manifest: OciManifest;
}

/**
 * The manifest that the canonical reference stands for, of those by which the image was received; without a reference, the image's first.
 * For a reference that stands for an index, the manifest in it that is of this image.
 * @throws {EngineError} BLOB_NOT_FOUND
 */
export function storedManifest(host: ImageHost, image: ImageRow, reference?: string): StoredManifest {
  const known = listManifests(host.store, image.id);
  const typeOf = (digest: Digest) => known.find((row) => row.digest === digest)?.mediaType ?? mediaTypes.manifest;
  let digest = (reference === undefined ? undefined : getReferencedManifest(host.store, reference)) ?? image.manifestDigest;
  if (mediaKindOf(typeOf(digest)) === "index") {
    const inIndex = new Set(parseIndex(host.content.read(digest), typeOf(digest)).manifests.map((entry) => entry.digest));
    digest = known.find((row) => inIndex.has(row.digest))?.digest ?? image.manifestDigest;
  }
  const bytes = host.content.read(digest);
  return { digest, mediaType: typeOf(digest), bytes, manifest: parseManifest(bytes, typeOf(digest)) };
}
