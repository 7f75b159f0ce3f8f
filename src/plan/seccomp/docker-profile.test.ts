import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseDockerProfile, resolveDockerProfile } from "./docker-profile.ts";
import { defaultSeccompProfile } from "./default-profile.ts";
import { defaultProfileVersion } from "./seccomp-versions.ts";

const context = { capabilities: ["CAP_CHOWN", "CAP_SYS_PTRACE"], architecture: "x86_64", kernelRelease: "6.1.0-18-amd64" } as const;

function names(rules: readonly object[], using: Partial<typeof context> = {}): readonly string[] {
  const profile = parseDockerProfile(JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", syscalls: rules }));
  return (resolveDockerProfile(profile, { ...context, ...using }).syscalls ?? []).flatMap((rule) => rule.names);
}

const rule = (name: string, more: object): object => ({ names: [name], action: "SCMP_ACT_ALLOW", ...more });

describe("resolveDockerProfile()", () => {
  test("keeps a rule when every included capability is held", () => {
    expect(
      names([
        rule("a", { includes: { caps: ["CAP_CHOWN", "CAP_SYS_PTRACE"] } }),
        rule("b", { includes: { caps: ["CAP_CHOWN", "CAP_BPF"] } }),
      ]),
    ).toEqual(["a"]);
  });

  test("drops a rule when one excluded capability is held", () => {
    expect(names([rule("a", { excludes: { caps: ["CAP_BPF", "CAP_CHOWN"] } }), rule("b", { excludes: { caps: ["CAP_BPF"] } })])).toEqual([
      "b",
    ]);
  });

  test("compares architectures by Go's names", () => {
    const rules = [
      rule("a", { includes: { arches: ["amd64", "x32"] } }),
      rule("b", { includes: { arches: ["arm64"] } }),
      rule("c", { excludes: { arches: ["amd64"] } }),
    ];
    expect(names(rules)).toEqual(["a"]);
  });

  test("compares kernels by number, not by text", () => {
    const rules = [
      rule("a", { includes: { minKernel: "4.8" } }),
      rule("b", { includes: { minKernel: "6.10" } }),
      rule("c", { excludes: { minKernel: "5.0" } }),
    ];
    expect(names(rules)).toEqual(["a"]);
  });

  test("takes the native architecture's entry of archMap", () => {
    const profile = parseDockerProfile(
      '{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":null}]}',
    );
    expect(resolveDockerProfile(profile, context).architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  });

  test("leaves no field of docker's behind", () => {
    const resolved = defaultSeccompProfile({ ...context, capabilities: [] });
    expect(Object.keys(resolved).sort()).toEqual(["architectures", "defaultAction", "defaultErrnoRet", "syscalls"]);
    expect(new Set((resolved.syscalls ?? []).flatMap((entry) => Object.keys(entry)))).toEqual(
      new Set(["names", "action", "errnoRet", "args"]),
    );
  });
});

describe("parseDockerProfile()", () => {
  test("says what is wrong", () => {
    expect(() => parseDockerProfile("{")).toThrow("seccomp profile: it is not JSON");
    expect(() => parseDockerProfile("[]")).toThrow("not a JSON object");
    expect(() => parseDockerProfile("{}")).toThrow("`defaultAction` is missing");
    expect(() => parseDockerProfile('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"]}]}')).toThrow(
      "the rule for mount has no `action`",
    );
    expect(() =>
      parseDockerProfile('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_LOG","args":[{}]}]}'),
    ).toThrow("malformed `args`");
    expect(() =>
      parseDockerProfile('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_NOTIFY"}]}'),
    ).toThrow("needs an agent");
  });
});

describe("default-profile.json", () => {
  const text = readFileSync(new URL("./default-profile.json", import.meta.url));

  test("is the file that the cache's version names", () => {
    expect(createHash("sha256").update(text).digest("hex").slice(0, 12)).toBe(defaultProfileVersion);
  });

  test("has no kernel condition that a supported kernel may fail: the cache key leaves the kernel out", () => {
    const versions = [...text.toString().matchAll(/"minKernel": "(\d+)\.(\d+)"/g)].map(
      (match) => Number(match[1]) * 1000 + Number(match[2]),
    );
    expect(versions.length).toBeGreaterThan(0);
    expect(Math.max(...versions)).toBeLessThanOrEqual(5015);
  });
});
