import { createHash } from "node:crypto";
import { rawTar, type RawMember } from "./raw-tar.ts";

export interface HostileImage {
  readonly name: string;
  readonly tar: Buffer;
  readonly outcome: RegExp | "harmless";
}

const layer = rawTar({ name: "file", data: "x" });
const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");
const goodConfig = (): Record<string, unknown> => ({
  architecture: process.arch === "x64" ? "amd64" : process.arch,
  os: "linux",
  created: "2020-01-01T00:00:00Z",
  config: {},
  rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
  history: [{ created_by: "x" }],
});

/** docker's form: a good image, but for what is replaced. */
function dockerArchive(
  change: { readonly manifest?: unknown; readonly config?: unknown; readonly members?: readonly RawMember[] } = {},
): Buffer {
  const json = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const manifest = change.manifest ?? [{ Config: "config.json", RepoTags: ["hostile:1"], Layers: ["layer.tar"] }];
  return rawTar(
    ...(change.members ?? [
      { name: "layer.tar", data: layer },
      { name: "config.json", data: json(change.config ?? goodConfig()) },
    ]),
    { name: "manifest.json", data: json(manifest) },
  );
}

interface Layout {
  readonly index?: unknown;
  readonly manifest?: (good: Record<string, unknown>) => unknown;
  readonly blobName?: (hex: string) => string;
  readonly descriptor?: object;
}

function layout(change: Layout = {}): Buffer {
  const members: RawMember[] = [];
  const put = (value: unknown, mediaType: string) => {
    const data = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
    const hex = sha256(data);
    members.push({ name: change.blobName?.(hex) ?? `blobs/sha256/${hex}`, data });
    return { mediaType, digest: `sha256:${hex}`, size: data.length };
  };
  const good = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: put(goodConfig(), "application/vnd.oci.image.config.v1+json"),
    layers: [put(layer, "application/vnd.oci.image.layer.v1.tar")],
  };
  const manifest = put(change.manifest?.(good) ?? good, good.mediaType);
  const index = change.index ?? { schemaVersion: 2, manifests: [{ ...manifest, ...change.descriptor }] };
  return rawTar(
    ...members,
    { name: "oci-layout", data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: "index.json", data: typeof index === "string" ? index : JSON.stringify(index) },
  );
}

const names = (change: object) =>
  dockerArchive({ manifest: [{ Config: "config.json", RepoTags: ["hostile:1"], Layers: ["layer.tar"], ...change }] });
const config = (change: object) => dockerArchive({ config: { ...goodConfig(), ...change } });

/** `victim` is a directory of the host with a file `secret`. */
export function hostileImages(victim: string): readonly HostileImage[] {
  const up = "../".repeat(30);
  const invalid = /^wherry: [^\n]+\n$/;
  const controls = { Labels: { "a\u001b[31m": "b\u0007\n\u0000" }, Env: ["A=\u001b]0;owned\u0007\nB"], Cmd: ["\u001b[2J"] };
  const docker: readonly (readonly [string, Buffer, RegExp | "harmless"])[] = [
    ["a manifest that is no JSON", dockerArchive({ manifest: "{" }), invalid],
    ["a manifest that is a number", dockerArchive({ manifest: 7 }), invalid],
    ["a manifest of numbers", dockerArchive({ manifest: [1, 2] }), invalid],
    ["a manifest nested 100,000 deep", dockerArchive({ manifest: "[".repeat(100_000) }), invalid],
    ["a manifest of 10 MB", dockerArchive({ manifest: `"${"x".repeat(10_000_000)}"` }), /larger than/],
    ["a configuration's path that climbs out", names({ Config: `${up}${victim.slice(1)}/secret` }), invalid],
    ["a configuration's absolute path", names({ Config: `${victim}/secret` }), invalid],
    ["a layer's path that climbs out", names({ Layers: [`${up}${victim.slice(1)}/secret`] }), invalid],
    ["layers that are numbers", names({ Layers: [1] }), invalid],
    ["ten layers that are one", names({ Layers: Array<string>(10).fill("layer.tar") }), invalid],
    ["a layer that is missing", names({ Layers: ["none.tar"] }), invalid],
    ["no layers at all", names({ Layers: null }), invalid],
    ["a name that climbs out", names({ RepoTags: ["../../hostile:1"] }), invalid],
    ["a name with a control character", names({ RepoTags: ["hostile\u001b[31m:1"] }), invalid],
    ["a name that is an id", names({ RepoTags: [`sha256:${"0".repeat(64)}`] }), invalid],
    [
      "a layer that is a link to the host",
      dockerArchive({
        members: [
          { name: "layer.tar", type: "2", link: `${victim}/secret` },
          { name: "config.json", data: JSON.stringify(goodConfig()) },
        ],
      }),
      invalid,
    ],
    [
      "a layer that is a link out of the archive",
      dockerArchive({
        members: [
          { name: "layer.tar", type: "2", link: `${up}${victim.slice(1)}/secret` },
          { name: "config.json", data: JSON.stringify(goodConfig()) },
        ],
      }),
      invalid,
    ],
    [
      "links that lead round",
      dockerArchive({
        members: [
          { name: "layer.tar", type: "2", link: "b" },
          { name: "b", type: "2", link: "layer.tar" },
          { name: "config.json", data: JSON.stringify(goodConfig()) },
        ],
      }),
      invalid,
    ],
    ["a configuration that is no object", dockerArchive({ config: "[]" }), invalid],
    ["a configuration without layers", config({ rootfs: null }), invalid],
    ["rootfs that is a text", config({ rootfs: "x" }), invalid],
    ["a diff id that climbs out", config({ rootfs: { type: "layers", diff_ids: [`sha256:${up}pwned`] } }), invalid],
    ["another layer's diff id", config({ rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] } }), invalid],
    ["environment of objects", config({ config: { Env: [{}] } }), invalid],
    ["environment that is a text", config({ config: { Env: "A=1" } }), invalid],
    ["labels of numbers", config({ config: { Labels: { a: 1 } } }), invalid],
    ["a history of numbers", config({ history: [1] }), invalid],
    ["an operating system that is a list", config({ os: ["linux"] }), invalid],
    ["a time that is none", config({ created: "yesterday" }), invalid],
    ["labels, environment and history of control characters", config({ config: controls, history: [{ created_by: "\u001b[31m\n" }] }), /./],
    [
      "keys that mean something to JavaScript",
      dockerArchive({ config: JSON.stringify(goodConfig()).replace("{", '{"__proto__":{"os":"x"},"constructor":1,') }),
      "harmless",
    ],
  ];
  const oci: readonly (readonly [string, Buffer, RegExp | "harmless"])[] = [
    ["an index that is no JSON", layout({ index: "{" }), invalid],
    ["an index without manifests", layout({ index: { schemaVersion: 2, manifests: [] } }), invalid],
    ["an index of numbers", layout({ index: { schemaVersion: 2, manifests: [1] } }), invalid],
    ["a digest that climbs out", layout({ descriptor: { digest: `sha256:${up}pwned` } }), invalid],
    ["a digest of an unknown kind", layout({ descriptor: { digest: "md5:00" } }), invalid],
    ["a manifest of another size than it says", layout({ descriptor: { size: 5 } }), invalid],
    ["a manifest of eight exbibytes", layout({ descriptor: { size: 2 ** 63 } }), invalid],
    ["a negative size", layout({ descriptor: { size: -1 } }), invalid],
    [
      "a layer under another digest",
      layout({ manifest: (good) => ({ ...good, layers: [{ ...(good["layers"] as object[])[0], digest: `sha256:${"1".repeat(64)}` }] }) }),
      invalid,
    ],
    ["layers that are no list", layout({ manifest: (good) => ({ ...good, layers: {} }) }), invalid],
    ["no configuration", layout({ manifest: ({ config: _, ...rest }) => rest }), invalid],
    ["blobs that climb out", layout({ blobName: (hex) => `blobs/sha256/${up}${hex}` }), invalid],
    ["blobs that are missing", layout({ blobName: (hex) => `elsewhere/${hex}` }), invalid],
  ];
  return [...docker, ...oci].map(([name, tar, outcome]) => ({ name, tar, outcome }));
}

/** To be sure that the exploits fail for what is wrong in them. */
export const goodImages: readonly Buffer[] = [dockerArchive(), layout()];
