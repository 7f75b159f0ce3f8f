import { readFileSync } from "node:fs";
import { encodeHeader, padding, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { repository } from "./host-features.ts";
import { layerOf, type MadeImage, makeImage } from "./image-archives.ts";
import { seededRandom } from "./seeded-random.ts";

/** Text that neither shrinks much nor repeats. */
function noise(length: number, seed: number): string {
  const random = seededRandom(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256))).toString("base64");
}

/** What `/bulk` of every `bulkImage` holds. */
export const bulkText = noise(1_000_000, 1);

/** An image of 2 MB that runs the payload: a layer with that, one with `/bulk`, both shared by all, and one with 200 files of its own. */
export function bulkImage(name: string): MadeImage {
  const many = Array.from({ length: 200 }, (_, index) => ({ path: `many-${index}`, data: `${name} ${index}` }));
  const own = layerOf(name, { path: "other", data: noise(400_000, name.length) }, ...many);
  return makeImage([payloadLayer(), layerOf("shared", { path: "bulk", data: bulkText }), own], {
    Entrypoint: ["/payload"],
    Cmd: ["sleep"],
  });
}

export function payloadLayer(): Buffer {
  const data = readFileSync(`${repository}/test/payload/build/payload`);
  const mtime = { seconds: 1_000_000_000, nanos: 0 };
  const header = encodeHeader({ path: encodeText("payload"), type: "file", mode: 0o755, uid: 0, gid: 0, mtime, size: data.length });
  return Buffer.concat([header, data, padding(data.length), tarEnd]);
}
