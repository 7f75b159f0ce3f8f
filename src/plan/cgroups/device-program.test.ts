import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OciDeviceRule } from "../oci-config.ts";
import { compileDeviceProgram } from "./device-program.ts";
import { parseDeviceRules } from "./device-rules.ts";
import { type DeviceAccess, interpretDeviceProgram } from "./ebpf-interpreter.ts";

const docker: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 0, access: "rwm" },
  { allow: true, type: "c", major: 136, access: "rwm" },
];

function allowed(rules: readonly OciDeviceRule[], device: DeviceAccess): boolean {
  const program = compileDeviceProgram(parseDeviceRules(rules));
  return program === null || interpretDeviceProgram(program, device) === 1;
}

/** Each access bit by the last rule that names it and the device. */
function decide(rules: readonly OciDeviceRule[], device: DeviceAccess): boolean {
  return [...["m", "r", "w"].entries()].every(([bit, letter]) => {
    if ((device.access & (1 << bit)) === 0) return true;
    const matching = rules.filter(
      (rule) =>
        (rule.access ?? "rwm").includes(letter) &&
        (rule.type === undefined || rule.type === "a" || (rule.type === "b") === (device.type === "block")) &&
        (rule.major === undefined || rule.major === device.major) &&
        (rule.minor === undefined || rule.minor === device.minor),
    );
    return matching.at(-1)?.allow ?? false;
  });
}

describe("compileDeviceProgram()", () => {
  test("decides docker's default list", () => {
    const char = (major: number, minor: number, access: number): boolean => allowed(docker, { type: "char", major, minor, access });
    expect(char(1, 3, 6)).toBe(true);
    expect(char(136, 77, 6)).toBe(true);
    expect(char(10, 200, 1)).toBe(true);
    expect(char(10, 200, 2)).toBe(false);
    expect(char(10, 200, 3)).toBe(false);
    expect(allowed(docker, { type: "block", major: 1, minor: 3, access: 2 })).toBe(false);
    expect(allowed(docker, { type: "block", major: 254, minor: 0, access: 1 })).toBe(true);
  });

  test("needs no program where everything is allowed", () => {
    expect(compileDeviceProgram(parseDeviceRules([{ allow: true, access: "rwm" }]))).toBeNull();
    expect(compileDeviceProgram(parseDeviceRules([...docker, { allow: true }]))).toBeNull();
  });

  test("denies everything without a rule", () => {
    const program = compileDeviceProgram([]);
    expect(program).not.toBeNull();
    expect(interpretDeviceProgram(program ?? new Uint8Array(), { type: "char", major: 1, minor: 3, access: 2 })).toBe(0);
  });

  test("joins what several rules allow for one device, and lets a later deny of one bit win", () => {
    const rules: OciDeviceRule[] = [
      { allow: true, type: "c", major: 1, minor: 3, access: "r" },
      { allow: true, type: "c", major: 1, minor: 3, access: "w" },
    ];
    expect(allowed(rules, { type: "char", major: 1, minor: 3, access: 6 })).toBe(true);
    const denied: OciDeviceRule[] = [{ allow: true }, { allow: false, type: "c", major: 1, minor: 3, access: "w" }];
    expect(allowed(denied, { type: "char", major: 1, minor: 3, access: 6 })).toBe(false);
    expect(allowed(denied, { type: "char", major: 1, minor: 3, access: 2 })).toBe(true);
  });

  test("decides any list as the last matching rule of each bit does", () => {
    const number = fc.constantFrom(undefined, 0, 1, 3, 0x7fffffff, 0xfffff);
    const rule = fc
      .record({
        allow: fc.boolean(),
        type: fc.constantFrom(undefined, "a", "b", "c"),
        major: number,
        minor: number,
        access: fc.constantFrom(undefined, "r", "w", "m", "rw", "rm", "rwm"),
      })
      .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as unknown as OciDeviceRule);
    const device = fc.record({
      type: fc.constantFrom("block", "char"),
      major: fc.constantFrom(0, 1, 2, 3, 0x7fffffff),
      minor: fc.constantFrom(0, 1, 3, 0xfffff),
      access: fc.integer({ min: 1, max: 7 }),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), device, (rules, access) => {
        expect(allowed(rules, access)).toBe(decide(rules, access));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseDeviceRules()", () => {
  test("drops what a later rule for everything overrides", () => {
    expect(parseDeviceRules([...docker, { allow: false }])).toHaveLength(1);
  });

  test("refuses unknown types and letters", () => {
    expect(() => parseDeviceRules([{ allow: true, type: "x" }])).toThrow("device type `x`");
    expect(() => parseDeviceRules([{ allow: true, access: "rx" }])).toThrow("`rx`");
    expect(() => parseDeviceRules([{ allow: true, major: 2 ** 32 }])).toThrow("4294967296");
  });
});
