/** What manifests say of blobs: OCI's names and docker's (schema 2), which mean the same. @see image-spec media-types.md */
export type MediaKind = "manifest" | "index" | "config" | "layer";

const oci = "application/vnd.oci.image";
const docker = "application/vnd.docker";

/** OCI's, which images that are made here have. */
export const mediaTypes = {
  manifest: `${oci}.manifest.v1+json`,
  index: `${oci}.index.v1+json`,
  config: `${oci}.config.v1+json`,
  layer: `${oci}.layer.v1.tar`,
} as const;

const kinds: ReadonlyMap<string, MediaKind> = new Map<string, MediaKind>([
  [mediaTypes.manifest, "manifest"],
  [`${docker}.distribution.manifest.v2+json`, "manifest"],
  [mediaTypes.index, "index"],
  [`${docker}.distribution.manifest.list.v2+json`, "index"],
  [mediaTypes.config, "config"],
  [`${docker}.container.image.v1+json`, "config"],
  ...["", "+gzip", "+zstd"].flatMap((how): [string, MediaKind][] => [
    [`${mediaTypes.layer}${how}`, "layer"],
    [`${oci}.layer.nondistributable.v1.tar${how}`, "layer"],
  ]),
  ...["", ".gzip", ".zstd"].flatMap((how): [string, MediaKind][] => [
    [`${docker}.image.rootfs.diff.tar${how}`, "layer"],
    [`${docker}.image.rootfs.foreign.diff.tar${how}`, "layer"],
  ]),
]);

/** Undefined for what is no part of an image. Parameters (`; charset=…`), which registries add, do not count. */
export function mediaKindOf(mediaType: string): MediaKind | undefined {
  return kinds.get(mediaType.split(";")[0]?.trim() ?? "");
}

/** A layer's type in OCI's words, for a manifest of that kind: buildah refuses docker's there. */
export function ociLayerType(mediaType: string): string {
  const [, foreign, how] = /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar(?:\.(gzip|zstd))?$/.exec(mediaType) ?? [];
  if (!mediaType.startsWith(`${docker}.`)) return mediaType;
  return `${oci}.layer.${foreign === undefined ? "" : "nondistributable."}v1.tar${how === undefined ? "" : `+${how}`}`;
}
