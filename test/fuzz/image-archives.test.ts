// Archives with bytes changed, cut or doubled: each loads or is refused by an EngineError, and a refused one leaves nothing.
import { afterAll, beforeAll, expect } from "bun:test";
import fc from "fast-check";
import { EngineError } from "../../src/core/engine-error.ts";
import { legacyArchive, layerOf, makeImage, ociArchive, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { chunks, ImageRoot } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "overlayfs");
/** Each run is a whole load. */
const numRuns = Math.ceil(Number(process.env["WHERRY_FUZZ_RUNS"] ?? 2000) / 33);
const layers = [layerOf("base"), layerOf("top")];
const image = makeImage(layers, { Env: ["A=b"] });
const archives = {
  oci: tarOf(ociArchive(image, "x:1")),
  docker: tarOf(oldDockerArchive([{ image, tags: ["x:1"] }])),
  legacy: tarOf(legacyArchive(layers, ["x", "1"])),
};

let place: ImageRoot;
beforeAll(() => {
  place = new ImageRoot();
});
afterAll(() => place[Symbol.dispose](), 60_000);

type Change = { readonly at: number; readonly what: "set" | "cut" | "double"; readonly byte: number };
const changes = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    what: fc.constantFrom("set" as const, "set" as const, "cut" as const, "double" as const),
    byte: fc.nat(255),
  }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

/** Where the headers and documents are, most of all: zeros are of no interest. */
function changed(archive: Buffer, list: readonly Change[]): Buffer {
  let bytes = Buffer.from(archive);
  const used = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  for (const { at, what, byte } of list) {
    const where = used[Math.floor(at * used.length)] ?? 0;
    if (what === "set") bytes.writeUInt8(byte, Math.min(where, bytes.length - 1));
    else if (what === "cut") bytes = bytes.subarray(0, Math.max(512, where));
    else bytes = Buffer.concat([bytes.subarray(0, where - (where % 512)), bytes.subarray(Math.max(0, where - 512 - (where % 512)))]);
  }
  return bytes;
}

for (const [form, archive] of Object.entries(archives)) {
  test(`the ${form} form`, async () => {
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        try {
          await place.images.load(chunks(changed(archive, list)));
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError);
          expect((error as EngineError).kind).toMatch(/^(invalidArgument|notFound|resourceExhausted)$/);
        }
        for (const { id } of await place.images.list({ all: true })) await place.images.remove(id, { force: true });
        expect(place.stored()).toEqual([]);
      }),
      { numRuns },
    );
  }, 120_000);
}
