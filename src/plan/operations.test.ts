import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OPERATIONS } from "./operations.ts";

test("OPERATIONS is launcher/operations.def, entry by entry and in its order", () => {
  const text = readFileSync(join(import.meta.dirname, "../../launcher/operations.def"), "utf8");
  const table = [...text.matchAll(/^OP\((\d+),\s*(\w+),\s*"(\w*)",\s*"(\w+)"\)/gm)].map(([, code, name, signature, sections]) => ({
    name,
    code: Number(code),
    signature,
    sections,
  }));
  expect(table.length).toBeGreaterThan(40);
  expect(table).toEqual(Object.entries(OPERATIONS).map(([name, spec]) => ({ name, ...spec })));
});
