import type { CgroupWrite } from "../plan-input.ts";
import { coversEverything, type DeviceRule } from "./device-rules.ts";

/**
 * The device list as writes to a new v1 group, which starts with its parent's list (everything, in Wherry's own group). A deny for a
 * device beneath an allow for all of its kind has no effect in v1's kernel code.
 * @see Documentation/admin-guide/cgroup-v1/devices.rst
 */
export function deviceWrites(rules: readonly DeviceRule[]): readonly CgroupWrite[] {
  const [first, ...later] = rules;
  if (first === undefined) return [{ file: "devices.deny", value: "a" }];
  if (!coversEverything(first)) return [{ file: "devices.deny", value: "a" }, ...rules.flatMap(toWrites)];
  return [...(first.allow ? [] : [{ file: "devices.deny", value: "a" }]), ...later.flatMap(toWrites)];
}

function toWrites(rule: DeviceRule): readonly CgroupWrite[] {
  if (coversEverything(rule)) return [{ file: rule.allow ? "devices.allow" : "devices.deny", value: "a" }];
  const letters = rule.type === "all" ? ["b", "c"] : [rule.type === "char" ? "c" : "b"];
  const access = `${rule.read ? "r" : ""}${rule.write ? "w" : ""}${rule.mknod ? "m" : ""}`;
  return letters.map((letter) => ({
    file: rule.allow ? "devices.allow" : "devices.deny",
    value: `${letter} ${rule.major ?? "*"}:${rule.minor ?? "*"} ${access}`,
  }));
}
