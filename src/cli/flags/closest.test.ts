import { expect, test } from "bun:test";
import { closest } from "./closest.ts";

test.each([
  ["memry", "memory"],
  ["rn", "run"],
  ["urn", "run"],
  ["detahc", "detach"],
  ["Detach", "detach"],
])("closest() takes %p for %p", (word, expected) => {
  expect(closest(word, ["attach", "detach", "memory", "memory-swap", "run", "rm"])).toBe(expected);
});

test.each(["x", "frobnicate", ""])("closest() has no idea what %p means", (word) => {
  expect(closest(word, ["attach", "detach", "memory"])).toBeUndefined();
});
