import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compilePlan } from "../compile.ts";
import { explainPlan } from "../explain.ts";
import { renderPlan } from "../render-plan.ts";
import { parseNumberList } from "./number-list.ts";
import { ociInput } from "./testdata/oci-input.ts";

const update = process.env["WHERRY_UPDATE_GOLDEN"] === "1";

describe("ociExtensions", () => {
  for (const name of ["container", "exec"] as const) {
    test(`compile to the plan of testdata/${name}.txt`, () => {
      const file = join(import.meta.dirname, "testdata", `${name}.txt`);
      const text = renderPlan(explainPlan(compilePlan(ociInput(name))));
      if (update) writeFileSync(file, text);
      expect(text).toBe(readFileSync(file, "utf8"));
    });
  }
});

describe("parseNumberList()", () => {
  test("takes ranges, single numbers and spaces", () => {
    expect(parseNumberList("0-2, 4,7 - 8", "x")).toEqual([0, 1, 2, 4, 7, 8]);
  });

  test("names the field when it is no list", () => {
    for (const list of ["", "a", "3-1", "0,,1", "99999"]) expect(() => parseNumberList(list, "process.x")).toThrow("`process.x`");
  });
});
