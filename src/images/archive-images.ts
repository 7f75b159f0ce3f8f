import { createHash } from "node:crypto";
import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { type ImageArchive, invalidArchive, maxDocumentBytes, missingFile } from "./image-archive.ts";
import { parseJsonDocument } from "./json-document.ts";
import { mediaKindOf } from "./media-types.ts";
import type { OciDescriptor, OciManifest } from "./oci-image.ts";
import { type IndexEntry, type OciIndex, parseIndex, parseManifest, requireSha256 } from "./parse-manifest.ts";
import { formatPlatform, hostPlatform, imagePlatform, isSamePlatform, type Platform } from "./platform.ts";
import { type ImageReference, parseReference } from "./reference.ts";
import { selectPlatform } from "./select-platform.ts";

/** An image as an archive describes it; its layers are not looked at yet. */
export interface ArchivedImage {
  readonly config: Buffer;
  readonly references: readonly ImageReference[];
  /** Where each layer's file is, bottom first. */
  readonly layers: readonly string[];
  /** Of the OCI form, which has manifests; the docker form has none. */
  readonly manifest?: { readonly bytes: Buffer; readonly parsed: OciManifest };
  readonly index?: Buffer;
}

/** `refused`: why an image that the layout also has can't be taken in. */
export interface OciImages {
  readonly images: readonly ArchivedImage[];
  readonly refused: EngineError | undefined;
}

const blobPath = (digest: Digest) => `blobs/${digest.replace(":", "/")}`;

/**
 * The images of `index.json` (OCI layout). One that has no name in its annotations has none. Of several platforms under one name the
 * fitting one is taken; a single one whatever it is for, unless a platform is asked for. Attestations and the like are passed over.
 * @throws {EngineError} IMAGE_INVALID, ARCHIVE_INVALID, PLATFORM_NOT_FOUND, INVALID_REFERENCE
 * @see image-spec image-layout.md
 */
export async function readOciImages(archive: ImageArchive, index: Buffer, platform: Platform | undefined): Promise<OciImages> {
  const top = parseIndex(index);
  const images: ArchivedImage[] = [];
  let other: EngineError | undefined;
  let refused: EngineError | undefined;
  const byName = new Map<string, IndexEntry[]>();
  for (const entry of top.manifests) {
    if (mediaKindOf(entry.mediaType) === undefined || entry.platform?.os === "unknown") continue;
    // No name has two colons and no slash.
    const name = nameOf(entry) ?? `:${entry.digest}`;
    byName.set(name, [...(byName.get(name) ?? []), entry]);
  }
  for (const [name, entries] of byName) {
    const chosen = await choose(archive, { mediaType: top.mediaType, manifests: entries }, { platform, index: undefined }).catch(
      (error: unknown) => {
        if (!(error instanceof EngineError)) throw error;
        if (error.code === "INVALID_DIGEST") refused ??= error;
        else if (error.code === "IMAGE_UNSUPPORTED") other ??= error;
        else throw error;
        return undefined;
      },
    );
    if (chosen === undefined) continue;
    const config = await readBlob(archive, chosen.parsed.config);
    if (platform !== undefined) checkPlatform(config, platform);
    images.push({
      config,
      references: name.startsWith(":") ? [] : [nameOfManifest(name, chosen)],
      layers: chosen.parsed.layers.map((layer) => blobPath(layer.digest)),
      manifest: chosen,
      ...(chosen.index === undefined ? {} : { index: chosen.index }),
    });
  }
  // Signatures, bills of materials and other artifacts lie beside an image, in the same layout.
  if (images.length === 0 && refused === undefined && other !== undefined) throw other;
  return { images, refused };
}

/** Of a tag and a digest the digest counts, as when such a name is pulled; it must be that of what it names. @throws {EngineError} ARCHIVE_INVALID */
function nameOfManifest(name: string, { bytes, index }: { readonly bytes: Buffer; readonly index: Buffer | undefined }): ImageReference {
  const reference = parseReference(name);
  if (reference.digest === undefined) return reference;
  const digests = [bytes, ...(index === undefined ? [] : [index])].map(digestOf);
  if (digests.includes(reference.digest)) return { ...reference, tag: undefined };
  throw invalidArchive(`it calls an image \`${name}\` whose digest is \`${digests.at(-1)}\``);
}

/** Through nested indexes, to one manifest. Undefined when it is no image but an artifact of another kind. */
async function choose(
  archive: ImageArchive,
  index: OciIndex,
  how: { readonly platform: Platform | undefined; readonly index: Buffer | undefined },
  depth = 0,
): Promise<{ readonly bytes: Buffer; readonly parsed: OciManifest; readonly index: Buffer | undefined } | undefined> {
  if (depth > 4) throw invalidArchive("indexes within indexes, five deep");
  const images = index.manifests.filter(({ platform }) => platform?.os !== "unknown");
  const [only] = images;
  const entry =
    how.platform === undefined && images.length === 1 && only !== undefined ? only : selectPlatform(index, how.platform ?? hostPlatform());
  requireSha256(entry.digest);
  const bytes = await readBlob(archive, entry);
  if (mediaKindOf(entry.mediaType) === "index") {
    return choose(archive, parseIndex(bytes, entry.mediaType), { ...how, index: bytes }, depth + 1);
  }
  return { bytes, parsed: parseManifest(bytes, entry.mediaType), index: how.index };
}

/** containerd's annotation is a whole name; that of the specification is one only if it looks so (umoci writes a tag alone, others any text). */
function nameOf({ annotations }: IndexEntry): string | undefined {
  const name = annotations["io.containerd.image.name"];
  if (name !== undefined && name !== "") return name;
  const reference = annotations["org.opencontainers.image.ref.name"];
  return reference !== undefined && /[/:@]/.test(reference) && isReference(reference) ? reference : undefined;
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The images of `manifest.json` (docker's form).
 * @throws {EngineError} IMAGE_INVALID, ARCHIVE_INVALID, INVALID_REFERENCE
 * @see moby, image/tarexport/load.go
 */
export async function readDockerImages(archive: ImageArchive, manifest: Buffer, platform: Platform | undefined): Promise<ArchivedImage[]> {
  const document = parseJsonDocument(manifest, "`manifest.json`", maxDocumentBytes);
  const images: ArchivedImage[] = [];
  for (const entry of document.items()) {
    const path = entry.field("Config").string();
    const config = await archive.read(cleanName(path));
    if (config === undefined) throw missingFile(path);
    if (platform !== undefined) checkPlatform(config, platform);
    images.push({
      config,
      references: entry
        .field("RepoTags")
        .items()
        .map((name) => tagOf(name.string())),
      layers: entry
        .field("Layers")
        .items()
        .map((layer) => cleanName(layer.string())),
    });
  }
  return images;
}

/** Without the digest, which would be that of a manifest, and here is none. @throws {EngineError} ARCHIVE_INVALID, INVALID_REFERENCE */
function tagOf(name: string): ImageReference {
  const reference = parseReference(name);
  if (reference.tag === undefined) throw invalidArchive(`invalid tag \`${name}\``);
  return { ...reference, digest: undefined };
}

function cleanName(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/** Whole and verified. */
async function readBlob(archive: ImageArchive, { digest, size }: OciDescriptor): Promise<Buffer> {
  const bytes = await archive.read(blobPath(digest));
  if (bytes === undefined) throw missingFile(blobPath(digest));
  const found = digestOf(bytes);
  if (found !== digest || bytes.length !== size) throw invalidArchive(`\`${blobPath(digest)}\` is not what its name says (\`${found}\`)`);
  return bytes;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function checkPlatform(config: Buffer, wanted: Platform): void {
  const document = parseJsonDocument(config, "image configuration", maxDocumentBytes);
  const [os, architecture, variant] = ["os", "architecture", "variant"].map((name) => document.field(name).optionalString());
  const found = imagePlatform({ os, architecture, variant });
  if (isSamePlatform(found, wanted) || (wanted.variant === undefined && isSamePlatform(imagePlatform({ os, architecture }), wanted)))
    return;
  throw new EngineError({
    kind: "notFound",
    code: "PLATFORM_NOT_FOUND",
    message: `load archive: its image is for ${formatPlatform(found)}, not for ${formatPlatform(wanted)}`,
  });
}
