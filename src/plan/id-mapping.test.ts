import { expect, test } from "bun:test";
import { formatIdMap, toHostId } from "./id-mapping.ts";

const mapping = [
  { containerID: 0, hostID: 100_000, size: 10 },
  { containerID: 1000, hostID: 5000, size: 1 },
];

test("toHostId() finds the range that holds an id, and none outside of them", () => {
  expect([0, 9, 1000].map((id) => toHostId(mapping, id))).toEqual([100_000, 100_009, 5000]);
  expect([10, 999, 1001].map((id) => toHostId(mapping, id))).toEqual([undefined, undefined, undefined]);
});

test("toHostId() is the identity without a user namespace", () => {
  expect(toHostId(null, 1234)).toBe(1234);
});

test("formatIdMap() writes one line a range, as user_namespaces(7) wants it", () => {
  expect(formatIdMap(mapping)).toBe("0 100000 10\n1000 5000 1\n");
});
