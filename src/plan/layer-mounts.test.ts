import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { compilePlan } from "./compile.ts";
import type { Operation } from "./operations.ts";
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

/** A sample with one more mount, and what its plan does for it. */
function plan(name: string, mount: { readonly type: string; readonly source: string }, more: Partial<PlanInput>): readonly Operation[] {
  const input = samples[name];
  if (input === undefined) throw new Error(`no sample ${name}`);
  const mounts = [...(input.config.mounts ?? []), { destination: "/here", ...mount }];
  const { operations } = compilePlan({ ...input, config: { ...input.config, mounts }, ...more });
  return operations.filter(
    ({ doing, why }) => (doing ?? "").includes("/here") || (doing ?? "").includes("sub/path") || why.includes("sub/path"),
  );
}

const names = (operations: readonly Operation[]): readonly string[] => operations.map(({ name, section }) => `${section} ${name}`);
const image = { type: "overlay", source: "an-image" };
const layers = (...paths: string[]): Partial<PlanInput> => ({ layerMounts: { "/here": paths as HostPath[] } });

describe("an image as a mount", () => {
  test("of one layer is a read-only bind, of several an overlay without a writable layer", () => {
    expect(names(plan("default", image, layers("/l/1")))).toEqual(["parent TREE", "parent ATTR", "child MKDIRP", "child MOVE"]);
    const operations = plan("default", image, layers("/l/2", "/l/1"));
    expect(names(operations)).toEqual(["parent FS", "parent ATTR", "child MKDIRP", "child MOVE"]);
    expect(operations[0]?.args.slice(0, 2)).toEqual(["overlay", ["source=overlay", "lowerdir+=/l/2", "lowerdir+=/l/1"]]);
    // MOUNT_ATTR_RDONLY
    expect(operations[1]?.args.slice(3, 5)).toEqual([1, 0]);
  });

  test("before lowerdir+ is mounted where nobody sees it, its paths escaped", () => {
    const [mount] = plan("legacy-overlay", image, layers("/l/a:b,c\\d", "/l/1")).filter(({ name }) => name === "MOUNT");
    expect(mount?.args.at(-1)).toBe("lowerdir=/l/a\\:b\\,c\\\\d:/l/1");
    expect(() => plan("legacy-overlay", image, layers("/l/1", `/${"x".repeat(4096)}`))).toThrow("an image of 2 layers as a mount");
  });

  test("in a user namespace shows the container's ids", () => {
    const [overlay] = plan("userns", image, layers("/l/2", "/l/1"));
    expect(overlay?.args.slice(0, 3)).toEqual(["overlay", ["source=overlay"], ["lowerdir+", "lowerdir+"]]);
  });

  test("gives a subpath of itself, found beneath its own root", () => {
    const operations = plan("default", image, { ...layers("/l/2", "/l/1"), subpaths: { "/here": "sub/path" } });
    expect(names(operations)).toEqual(["parent FS", "parent ATTR", "parent OPEN", "parent TREE", "child MKDIRP", "child MOVE"]);
    // RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
    expect(operations[2]?.args[4]).toBe(0x8 | 0x2);
  });
});

test("a bind's subpath is found beneath its source, and what was found is what is copied", () => {
  const operations = plan("default", { type: "bind", source: "/source" }, { subpaths: { "/here": "sub/path" } });
  expect(names(operations)).toEqual(["parent OPEN", "parent OPEN", "parent TREE", "parent ATTR", "child MKDIRP", "child MOVE"]);
  const [source, found, tree] = operations;
  expect(source?.args.slice(0, 2)).toEqual([null, "/source"]);
  expect(found?.args[0]).toBe(source?.args.at(-1));
  expect(found?.args[4]).toBe(0x8 | 0x2);
  // Nothing is looked up by name any more: AT_EMPTY_PATH on the descriptor.
  expect<readonly unknown[] | undefined>(tree?.args.slice(0, 2)).toEqual([found?.args.at(-1), ""]);
});
