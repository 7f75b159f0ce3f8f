import { describe, expect, test } from "bun:test";
import type { TarSegment } from "../../archive/tar-entry.ts";
import { impliedDirectory, type LayerNode } from "../tree/layer-node.ts";
import { copiedChunks, directChunks, planChunks } from "./chunks.ts";

const from = { blockBits: 9, archiveBytes: 2 ** 40 };

function file(size: number, ...segments: readonly TarSegment[]): LayerNode {
  return { ...impliedDirectory, type: "file", size, data: segments };
}

describe("planChunks()", () => {
  test("takes one chunk for a file in one piece, however large", () => {
    for (const size of [1, 512, 513, 2 ** 32 + 1, 2 ** 39]) {
      expect(planChunks(file(size, { offset: 512, length: size, fileOffset: 0 }), from)).toMatchObject({ count: 1, direct: true });
    }
  });

  test("takes one chunk for a hole", () => {
    expect(planChunks(file(2 ** 40), from)).toMatchObject({ count: 1, direct: true });
  });

  test("cuts a sparse file where its data begins and ends", () => {
    const node = file(40_864, { offset: 1024, length: 8192, fileOffset: 8192 }, { offset: 9216, length: 4000, fileOffset: 36_864 });
    const plan = planChunks(node, from);
    expect(plan).toEqual({ chunkBits: 3, count: 10, direct: true });
    const none = undefined;
    expect([...directChunks(node, plan, 9)]).toEqual([none, none, 1024, 5120, none, none, none, none, none, 9216]);
  });

  test("copies what does not begin with a block, or whose last block the archive does not have", () => {
    expect(planChunks(file(1000, { offset: 700, length: 1000, fileOffset: 0 }), from).direct).toBe(false);
    expect(planChunks(file(1000, { offset: 512, length: 1000, fileOffset: 0 }), { ...from, archiveBytes: 1512 }).direct).toBe(false);
  });

  test("is not made to write an index of any length by a few bytes of an archive", () => {
    const node = file(2 ** 43, { offset: 512, length: 512, fileOffset: 512 });
    const plan = planChunks(node, from);
    expect(plan.count).toBeLessThanOrEqual(1024);
    expect(plan.direct).toBe(false);
    const parts = [...copiedChunks(node, plan, 9)];
    expect(parts[0]).toEqual([{ offset: 512, length: 512, fileOffset: 512 }]);
    expect(parts.slice(1).every((part) => part.length === 0)).toBe(true);
  });
});

test("copiedChunks() cuts data at the chunks' ends", () => {
  const node = file(3000, { offset: 100, length: 1000, fileOffset: 500 }, { offset: 1100, length: 10, fileOffset: 2990 });
  expect([...copiedChunks(node, { chunkBits: 1, count: 3, direct: false }, 9)]).toEqual([
    [{ offset: 100, length: 524, fileOffset: 500 }],
    [{ offset: 624, length: 476, fileOffset: 1024 }],
    [{ offset: 1100, length: 10, fileOffset: 2990 }],
  ]);
});
