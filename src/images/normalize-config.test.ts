import { expect, test } from "bun:test";
import { normalizeConfig } from "./normalize-config.ts";

test("normalizeConfig() returns the very configuration where there is nothing to change", () => {
  const config = {
    architecture: "amd64",
    config: { Env: ["A=1"], Labels: { a: "b" }, Other: 1 },
    history: [{ created_by: "x" }],
    unknown: null,
  };
  expect(normalizeConfig(config)).toBe(config);
});

test("normalizeConfig() reads names in any case, where the later of two counts, and leaves unknown ones", () => {
  expect(
    normalizeConfig({
      OS: "linux",
      Config: { CMD: "x", cmd: ["y"], healthcheck: { test: ["NONE"] }, labels: { Env: "kept" }, odd: 1, __proto__: null },
      RootFS: { Type: "layers", Diff_IDs: [] },
      history: [{ Empty_Layer: true }, null],
    }),
  ).toEqual({
    os: "linux",
    config: { Cmd: ["y"], Healthcheck: { Test: ["NONE"] }, Labels: { Env: "kept" }, odd: 1 },
    rootfs: { type: "layers", diff_ids: [] },
    history: [{ empty_layer: true }, null],
  });
});

test("normalizeConfig() makes a list of one string, text of a label that is null, and leaves what is wrong", () => {
  expect(normalizeConfig({ config: { Entrypoint: "a b", Cmd: 5, Labels: { x: null, y: 1 } } })).toEqual({
    config: { Entrypoint: ["a b"], Cmd: 5, Labels: { x: "", y: 1 } },
  });
  for (const wrong of [null, 1, "x", [], { config: [] }, { config: "x", history: {}, rootfs: null }])
    expect(normalizeConfig(wrong)).toEqual(wrong);
});
