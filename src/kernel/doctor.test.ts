import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { doctor } from "./doctor.ts";

describe("doctor()", () => {
  const report = doctor({ root: "/var/lib/wherry" as HostPath, instance: "wherry-test" });
  const items = report.sections.flatMap((section) => section.items);

  test("looks at the kernel, control groups, file systems, security and network", () => {
    expect(report.sections.map((section) => section.title)).toEqual(["Kernel", "Control groups", "File systems", "Security", "Network"]);
    expect(items.filter(({ name }) => name.endsWith(" namespace"))).toHaveLength(8);
  });

  test("says what was seen for everything, and what follows for all that is not ok", () => {
    for (const item of items) {
      expect(item.detail).not.toBe("");
      expect({ name: item.name, hasConsequence: item.consequence !== "" }).toEqual({
        name: item.name,
        hasConsequence: item.status !== "ok",
      });
    }
  });

  test("names each thing once in a section", () => {
    for (const section of report.sections) expect(new Set(section.items.map(({ name }) => name)).size).toBe(section.items.length);
  });
});
