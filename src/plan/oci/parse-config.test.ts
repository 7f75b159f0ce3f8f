import { expect, test } from "bun:test";
import type { OciSeccomp } from "../oci-config.ts";
import { interpretBpf } from "../seccomp/bpf-interpreter.ts";
import { compileSeccomp } from "../seccomp/compile-seccomp.ts";
import { parseConfig } from "./parse-config.ts";
import { validateConfig } from "./validate-config.ts";

const rule = (value: string, op = "SCMP_CMP_EQ"): string =>
  `{"ociVersion":"1.2.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":7,"args":[{"index":0,"value":${value},"op":"${op}"}]}]}}}`;

function seccompOf(text: string): OciSeccomp {
  const { seccomp } = validateConfig(parseConfig(text)).linux ?? {};
  if (seccomp === undefined) throw new Error("the test's text has no profile");
  return seccomp;
}

const ALLOW = 0x7fff0000;

test("an argument beyond 2^53 is compared with all of its bits, also when the profile was written and read again", () => {
  for (const exact of [2n ** 53n + 1n, 2n ** 64n - 1n, 0xdead_beef_0000_0001n]) {
    const seccomp = JSON.parse(JSON.stringify(seccompOf(rule(`${exact}`)))) as OciSeccomp;
    const { program } = compileSeccomp(seccomp, "x86_64");
    const read = (argument: bigint): number => interpretBpf(program, { number: 0, audit: 0xc000003e, args: [argument] });
    expect([read(exact), read(exact - 1n), read(exact ^ (1n << 63n))]).toEqual([0x50007, ALLOW, ALLOW]);
  }
});

test("other numbers stay numbers, and what is no unsigned 64-bit integer is refused", () => {
  expect(parseConfig('{"value": 5, "limit": 18446744073709551615}')).toEqual({ value: 5, limit: 2 ** 64 });
  expect(parseConfig('{"value": 9007199254740993, "limit": 9007199254740993}')).toEqual({ value: "9007199254740993", limit: 2 ** 53 });
  expect(() => compileSeccomp(seccompOf(rule("18446744073709551616")), "x86_64")).toThrow("is not an unsigned 64-bit integer");
  expect(() => seccompOf(rule('"12"', "SCMP_CMP_XX"))).toThrow("`linux.seccomp.syscalls[0].args[0].op`");
});
