import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { compilePlan } from "./compile.ts";
import type { PlanInput } from "./plan-input.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "./testdata/plan-inputs.ts";

const samples = samplePlanInputs({
  lowers: ["/layers/base"],
  directory: "/c",
  bundle: "/bundle",
  cgroups: { placements: [] },
  features: SAMPLE_FEATURES,
  target: { pid: 1, startTime: 0n },
  command: ["sh"],
  idBase: 100_000,
});

function withLayers(name: string, count: number, directory = "/c"): PlanInput {
  const input = samples[name];
  if (input?.rootfs.kind !== "overlay") throw new Error(`no sample ${name} with layers`);
  const lowers = Array.from({ length: count }, (_, index) => `/layers/${index}` as HostPath);
  return { ...input, rootfs: { ...input.rootfs, lowers, upper: `${directory}/upper` as HostPath, work: `${directory}/work` as HostPath } };
}

const operations = (input: PlanInput): readonly string[] => compilePlan(input).operations.map(({ name }) => name);
const oldMounts = (input: PlanInput): readonly string[] =>
  compilePlan(input).operations.flatMap(({ name, section }) => (name === "MOUNT" && section === "parent" ? [name] : []));

describe("compilePlan() with many layers", () => {
  for (const name of ["default", "userns", "legacy-overlay", "legacy-overlay-userns"]) {
    test(`takes as many as overlayfs stacks, and names the limit: ${name}`, () => {
      expect(operations(withLayers(name, 500))).toContain("PIVOT");
      expect(() => compilePlan(withLayers(name, 501))).toThrow(
        "container configuration: an image of 501 layers, more than overlayfs stacks (500), is not supported",
      );
    });
  }

  test("uses mount(2) before lowerdir+ when a string gets longer than fsconfig(2) takes, and says when mount(2) takes no more", () => {
    // "0:1:…:88" has 256 bytes.
    expect(oldMounts(withLayers("legacy-overlay", 88))).toEqual([]);
    expect(oldMounts(withLayers("legacy-overlay", 89))).toEqual(["MOUNT"]);
    expect(oldMounts(withLayers("legacy-overlay", 2, `/${"d".repeat(250)}`))).toEqual(["MOUNT"]);
    const long = `/${"d".repeat(200)}`.repeat(10);
    expect(() => compilePlan(withLayers("legacy-overlay", 60, long))).toThrow(/so long a path that 60 layers don't fit/);
  });
});
