import { expect, test } from "bun:test";
import { formatTable } from "./table.ts";

test("formatTable() pads all but the last cell, to ten at least", () => {
  expect(
    formatTable([
      ["ID", "NAME"],
      ["1", "a"],
      ["12345678", "bb"],
    ]),
  ).toBe("ID         NAME\n1          a\n12345678   bb\n");
});

test("formatTable() counts characters, not bytes", () => {
  expect(
    formatTable([
      ["ééééééééé", "x"],
      ["a", "y"],
    ]),
  ).toBe("ééééééééé   x\na           y\n");
});

test("formatTable() of nothing is nothing", () => {
  expect(formatTable([])).toBe("");
});

test("formatTable() shows control characters instead of sending them to a terminal", () => {
  expect(formatTable([["\x1b[2J\u009b31m\r", "x\x07\n"]])).toBe("\\x1b[2J\\x9b31m\\x0d   x\\x07\\n\n");
});
