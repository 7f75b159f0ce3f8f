import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compilePlan } from "../compile.ts";
import { explainPlan } from "../explain.ts";
import type { PlanInput } from "../plan-input.ts";
import { renderPlan } from "../render-plan.ts";
import { parseNumberList } from "./number-list.ts";
import { ociInput, podInput } from "./testdata/oci-input.ts";

const update = process.env["WHERRY_UPDATE_GOLDEN"] === "1";

describe("ociExtensions", () => {
  for (const [name, input] of Object.entries({ container: ociInput("container"), exec: ociInput("exec"), pod: podInput() })) {
    test(`compile to the plan of testdata/${name}.txt`, () => {
      const file = join(import.meta.dirname, "testdata", `${name}.txt`);
      const text = renderPlan(explainPlan(compilePlan(input)));
      if (update) writeFileSync(file, text);
      expect(text).toBe(readFileSync(file, "utf8"));
    });
  }
});

describe("parseNumberList()", () => {
  test("takes ranges, single numbers and spaces", () => {
    expect(parseNumberList("0-2, 4,7 - 8", "x")).toEqual([0, 1, 2, 4, 7, 8]);
  });

  test("names the field when it is no list", () => {
    for (const list of ["", "a", "3-1", "0,,1", "99999"]) expect(() => parseNumberList(list, "process.x")).toThrow("`process.x`");
  });
});

describe("labels of SELinux", () => {
  const labelled = (selinux: boolean): PlanInput => {
    const input = ociInput("container");
    const { process, linux } = input.config;
    if (process === undefined) throw new Error("the sample changed");
    return {
      ...input,
      config: {
        ...input.config,
        process: { ...process, selinuxLabel: "system_u:system_r:container_t:s0:c1,c2" },
        linux: { ...linux, mountLabel: "system_u:object_r:container_file_t:s0:c1,c2" },
      },
      features: { ...input.features, selinux },
    };
  };

  test("are set for the exec and for the file systems that have none of their own", () => {
    const { operations } = compilePlan(labelled(true));
    const write = operations.find((operation) => operation.name === "WRITE" && operation.args[1] === "attr/exec");
    expect(write?.section).toBe("child");
    const labels = new Map<string, boolean>();
    for (const operation of operations) {
      if (operation.name !== "FS") continue;
      const [kind, options] = operation.args;
      labels.set(
        kind,
        options.some((word) => word.startsWith("context=")),
      );
    }
    expect(["proc", "sysfs", "mqueue", "devpts"].map((kind) => labels.get(kind))).toEqual([false, false, true, true]);
  });

  test("are an error on a host without it", () => {
    expect(() => compilePlan(labelled(false))).toThrow("`process.selinuxLabel`, on a host where SELinux is not enabled, is not supported");
  });
});

test("an AppArmor profile is an error on a host without it, and `unconfined` is none", () => {
  const input = ociInput("container");
  const { process } = input.config;
  if (process === undefined) throw new Error("the sample changed");
  const confined = (apparmorProfile: string): PlanInput => ({
    ...input,
    config: { ...input.config, process: { ...process, apparmorProfile } },
  });
  expect(() => compilePlan(confined("containers-default"))).toThrow("`process.apparmorProfile`, on a host where AppArmor is not enabled,");
  expect(() => compilePlan(confined("unconfined"))).not.toThrow();
});
