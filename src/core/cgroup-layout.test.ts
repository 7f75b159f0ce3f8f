import { expect, test } from "bun:test";
import { slicePath } from "./cgroup-layout.ts";

test("slicePath() nests slices by their dashes", () => {
  expect(slicePath("-.slice")).toBe("");
  expect(slicePath("a-b-c.slice")).toBe("/a.slice/a-b.slice/a-b-c.slice");
  for (const wrong of ["a", ".slice", "a--b.slice", "-a.slice", "a-.slice", "a/b.slice"]) expect(slicePath(wrong)).toBeUndefined();
});
