import { expect, test } from "bun:test";
import { checkFilters } from "./container-filter.ts";

test("checkFilters() refuses an unknown filter though there is nothing to filter", () => {
  expect(() => checkFilters({ foo: ["bar"] })).toThrow("invalid filter 'foo'");
  expect(() => checkFilters({ name: ["x"], constructor: ["x"] })).toThrow("invalid filter 'constructor'");
  checkFilters({ name: ["x"], status: ["running"], label: [] });
});
