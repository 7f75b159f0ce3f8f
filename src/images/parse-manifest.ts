import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { type JsonValue, parseJsonDocument } from "./json-document.ts";
import { type MediaKind, mediaKindOf, mediaTypes } from "./media-types.ts";
import type { OciDescriptor, OciManifest } from "./oci-image.ts";
import type { Platform } from "./platform.ts";

/** As the distribution specification has registries take at least. */
export const maxManifestBytes = 4 * 1024 * 1024;

/** So many an overlay takes, beside the layer of places to mount on: the 501st lower is EINVAL. */
const maxLayers = 499;

/** One child of an index. Its digest may be of another algorithm, which `requireSha256` refuses: nobody who wants another child is to suffer. */
export interface IndexEntry extends OciDescriptor {
  readonly platform: Platform | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** @see image-spec image-index.md; docker's manifest list is the same but for its media type */
export interface OciIndex {
  readonly mediaType: string;
  readonly manifests: readonly IndexEntry[];
}

/**
 * Reads the manifest of one image, OCI's or docker's schema 2. `mediaType`: what a descriptor or a registry says that it is.
 * @throws {EngineError} IMAGE_INVALID, IMAGE_UNSUPPORTED (another kind of artifact, schema 1), INVALID_DIGEST (not SHA-256)
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): OciManifest {
  const document = parseJsonDocument(bytes, "image manifest", maxManifestBytes);
  const found = checkMediaType(document, { expected: "manifest", told: mediaType });
  const layers = document.field("layers");
  const items = layers.items();
  if (items.length > maxLayers) throw layers.invalid(`names ${items.length} layers; at most ${maxLayers} can be stacked`);
  return {
    schemaVersion: 2,
    mediaType: found,
    config: parseDescriptor(document.field("config"), "config"),
    layers: items.map((layer) => parseDescriptor(layer, "layer")),
  };
}

/** Reads an index or a manifest list. Entries that are no images stay, for whoever looks. @throws {EngineError} IMAGE_INVALID, IMAGE_UNSUPPORTED */
export function parseIndex(bytes: Uint8Array, mediaType?: string): OciIndex {
  const document = parseJsonDocument(bytes, "image index", maxManifestBytes);
  return {
    mediaType: checkMediaType(document, { expected: "index", told: mediaType }),
    manifests: document
      .field("manifests")
      .items()
      .map((entry) => ({
        mediaType: entry.field("mediaType").string(),
        digest: parseDigest(entry.field("digest")),
        size: entry.field("size").size(),
        platform: parsePlatformField(entry.field("platform")),
        annotations: Object.fromEntries(
          entry
            .field("annotations")
            .entries()
            .map(([name, text]) => [name, text.string()]),
        ),
      })),
  };
}

/** Whether these bytes are a manifest or an index, when nobody says. @throws {EngineError} IMAGE_INVALID, IMAGE_UNSUPPORTED */
export function manifestKindOf(bytes: Uint8Array): "manifest" | "index" {
  const document = parseJsonDocument(bytes, "image manifest", maxManifestBytes);
  const kind = mediaKindOf(document.field("mediaType").optionalString() ?? "");
  if (kind === "manifest" || kind === "index") return kind;
  return document.field("manifests").isAbsent ? "manifest" : "index";
}

function checkMediaType(
  document: JsonValue,
  { expected, told }: { readonly expected: MediaKind; readonly told: string | undefined },
): string {
  const version = document.field("schemaVersion");
  if (version.value === 1)
    throw unsupported("docker's manifest schema 1, which registries gave up; push the image again with a newer docker");
  if (version.value !== 2) throw version.invalid("is not 2");
  const field = document.field("mediaType");
  const own = field.optionalString();
  // An image that one reader takes for a manifest and another for an index is two images (CVE-2021-41190).
  const other = document.field(expected === "manifest" ? "manifests" : "layers");
  if (!other.isAbsent) throw other.invalid(`has no place in an image ${expected}`);
  if (own !== undefined && told !== undefined && own !== told.split(";")[0]?.trim() && mediaKindOf(told) !== undefined) {
    throw field.invalid(`is \`${own}\`, announced was \`${told}\``);
  }
  const mediaType = own ?? told?.split(";")[0]?.trim() ?? mediaTypes[expected];
  if (mediaKindOf(mediaType) !== expected) throw field.invalid(`is \`${mediaType}\`, which is no image ${expected}`);
  return mediaType;
}

function parseDescriptor(from: JsonValue, kind: MediaKind): OciDescriptor {
  const mediaType = from.field("mediaType").string();
  if (mediaKindOf(mediaType) !== kind) {
    throw unsupported(
      kind === "layer" && mediaType.endsWith("+encrypted")
        ? `an encrypted layer (\`${mediaType}\`)`
        : kind === "layer" && mediaType.startsWith(`${mediaTypes.layer}+`)
          ? `a layer compressed in a way that has no media type (\`${mediaType}\`); gzip and zstd have`
          : `\`${mediaType}\` where an image has its ${kind}: this is not a container image`,
    );
  }
  return { mediaType, digest: requireSha256(parseDigest(from.field("digest"))), size: from.field("size").size() };
}

/** Of any algorithm that the specification's grammar knows. @see image-spec descriptor.md#digests */
function parseDigest(from: JsonValue): Digest {
  const digest = from.string();
  const isOther = /^(?!sha256:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/.test(digest);
  if (!isOther && !/^sha256:[0-9a-f]{64}$/.test(digest)) throw from.invalid("is not a sha256 digest");
  return digest as Digest;
}

/** The store names blobs by SHA-256 alone, as all builders and registries do. @throws {EngineError} INVALID_DIGEST */
export function requireSha256(digest: Digest): Digest {
  if (digest.startsWith("sha256:")) return digest;
  throw new EngineError({
    kind: "invalidArgument",
    code: "INVALID_DIGEST",
    message: `read image manifest: \`${digest}\` is not a sha256 digest, and only such are taken`,
  });
}

function parsePlatformField(from: JsonValue): Platform | undefined {
  if (from.isAbsent) return undefined;
  const variant = from.field("variant").optionalString() ?? "";
  return {
    os: from.field("os").optionalString() ?? "",
    architecture: from.field("architecture").optionalString() ?? "",
    ...(variant === "" ? {} : { variant }),
  };
}

function unsupported(what: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "IMAGE_UNSUPPORTED", message: `read image manifest: ${what}` });
}
