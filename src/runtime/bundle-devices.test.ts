import { expect, test } from "bun:test";
import { withDefaultDevices } from "./bundle-devices.ts";

test("withDefaultDevices() denies first, keeps the order, and takes -1 for any", () => {
  const rules = withDefaultDevices([{ allow: true, type: "c", major: 10, minor: -1, access: "r" }]);
  expect(rules.slice(0, 2)).toEqual([
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 10, access: "r" },
  ]);
  expect(rules).toContainEqual({ allow: true, type: "c", major: 1, minor: 3, access: "rwm" });
});
