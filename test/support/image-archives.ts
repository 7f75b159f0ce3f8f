import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { encodeHeader, padding, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { mediaTypes } from "../../src/images/media-types.ts";
import { archive, type Member } from "../contracts/layer-driver.ts";

/** Contents of a tar by path: data, or where a symlink leads. Two of one path: an array of pairs. */
export type ArchiveFile = Buffer | { readonly symlink: string } | { readonly hardlink: string };

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export function tarOf(files: Readonly<Record<string, ArchiveFile>> | readonly (readonly [string, ArchiveFile])[]): Buffer {
  const parts: Buffer[] = [];
  const common = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 0, nanos: 0 } };
  for (const [path, file] of Array.isArray(files) ? (files as readonly (readonly [string, ArchiveFile])[]) : Object.entries(files)) {
    const name = { ...common, path: encodeText(path) };
    if (file instanceof Buffer) parts.push(encodeHeader({ ...name, type: "file", size: file.length }), file, padding(file.length));
    else if ("symlink" in file) parts.push(encodeHeader({ ...name, type: "symlink", size: 0, target: encodeText(file.symlink) }));
    else parts.push(encodeHeader({ ...name, type: "hardlink", size: 0, target: encodeText(file.hardlink) }));
  }
  return Buffer.concat([...parts, tarEnd]);
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A layer with one file, so that each name makes another. */
export const layerOf = (name: string, ...more: readonly Member[]): Buffer => archive({ path: name, data: `${name}\n` }, ...more);

export interface MadeImage {
  readonly config: Buffer;
  /** Uncompressed. */
  readonly layers: readonly Buffer[];
}

export function makeImage(layers: readonly Buffer[], config: object = {}, platform = "amd64"): MadeImage {
  const image = {
    architecture: platform,
    os: "linux",
    config: { Cmd: ["/bin/sh"], ...config },
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
  };
  return { config: json(image), layers };
}

/** As docker wrote them before version 25: a directory for each layer, the second use of one a symlink to the first. */
export function oldDockerArchive(
  images: readonly { readonly image: MadeImage; readonly tags: readonly string[] | null }[],
): [string, ArchiveFile][] {
  const files: [string, ArchiveFile][] = [];
  const first = new Map<string, string>();
  const manifest = images.map(({ image, tags }, number) => {
    const layers = image.layers.map((layer, at) => {
      const path = `${digestOf(Buffer.from(`${number} ${at}`)).slice(7)}/layer.tar`;
      const known = first.get(digestOf(layer));
      files.push([path, known === undefined ? layer : { symlink: `../${known}` }]);
      first.set(digestOf(layer), known ?? path);
      return path;
    });
    const config = `${digestOf(image.config).slice(7)}.json`;
    files.push([config, image.config]);
    return { Config: config, RepoTags: tags, Layers: layers };
  });
  return [...files, ["manifest.json", json(manifest)]];
}

/** As docker wrote them before 1.10: no manifest, each layer describes itself and names its parent. */
export function legacyArchive(layers: readonly Buffer[], name: readonly [repository: string, tag: string]): [string, ArchiveFile][] {
  const ids = layers.map((layer) => digestOf(layer).slice(7));
  return [
    ...layers.flatMap((layer, at): [string, ArchiveFile][] => {
      const id = ids[at] ?? "";
      const parent = ids[at - 1];
      const description = {
        id,
        ...(parent === undefined ? {} : { parent }),
        created: "2015-01-02T03:04:05Z",
        container_config: { Cmd: ["step", String(at)] },
      };
      return [
        [`${id}/json`, json({ ...description, os: "linux", architecture: "amd64", config: { Env: ["OLD=1"] } })],
        [`${id}/layer.tar`, layer],
      ];
    }),
    ["repositories", json({ [name[0]]: { [name[1]]: ids.at(-1) } })],
  ];
}

export interface OciFiles {
  readonly files: Record<string, Buffer>;
  readonly manifest: Buffer;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

/** The blobs of one image with compressed layers. */
export function ociBlobs(image: MadeImage, compress: (layer: Buffer) => Buffer = gzipSync): OciFiles {
  const blobs = image.layers.map(compress);
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(image.config), size: image.config.length },
    layers: blobs.map((blob) => ({ mediaType: `${mediaTypes.layer}+gzip`, digest: digestOf(blob), size: blob.length })),
  });
  return {
    files: Object.fromEntries([...blobs, image.config, manifest].map((blob) => [blobName(blob), blob])),
    manifest,
    descriptor: { mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length },
  };
}

export const blobName = (blob: Buffer): string => `blobs/${digestOf(blob).replace(":", "/")}`;

export const ociIndex = (manifests: readonly object[]): Buffer => json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });

export function ociArchive(image: MadeImage, name?: string): Record<string, Buffer> {
  const { files, descriptor } = ociBlobs(image);
  const annotations = name === undefined ? {} : { "org.opencontainers.image.ref.name": name };
  return { ...files, "oci-layout": json({ imageLayoutVersion: "1.0.0" }), "index.json": ociIndex([{ ...descriptor, annotations }]) };
}
