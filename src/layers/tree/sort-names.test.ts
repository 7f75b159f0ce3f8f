import { expect, test } from "bun:test";
import fc from "fast-check";
import { sortNames } from "./sort-names.ts";

function sorted(names: readonly string[]): string[] {
  const ids = Uint32Array.from(names.keys());
  sortNames(
    {
      byteAt: (id, index) => (index < (names[id]?.length ?? 0) ? (names[id]?.charCodeAt(index) ?? -1) : -1),
      isBefore: (id, other, depth) => (names[id] ?? "").slice(depth) < (names[other] ?? "").slice(depth),
    },
    ids,
  );
  return [...ids].map((id) => names[id] ?? "");
}

test("sortNames() sorts as bytes compare, whatever the names", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "\u00ff", "\u0001"), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 400 }), (names) => {
      expect(sorted(names)).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
    }),
  );
});

test("sortNames() does not nest without end, nor take long, for names that differ late", () => {
  const names = Array.from({ length: 30_000 }, (_, index) => `${"n".repeat(240)}${(index * 7919) % 30_000}`);
  const started = performance.now();
  expect(sorted(names)).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(performance.now() - started).toBeLessThan(5_000);
});
