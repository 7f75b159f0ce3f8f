import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OciSeccomp, OciSeccompOperator, OciSyscallRule } from "../oci-config.ts";
import { interpretBpf } from "./bpf-interpreter.ts";
import { compileSeccomp } from "./compile-seccomp.ts";
import { defaultSeccompProfile } from "./default-profile.ts";
import { parseSyscallTable } from "./syscall-table.ts";
import { syscallsAarch64 } from "./syscalls-aarch64.ts";
import { syscallsI386 } from "./syscalls-i386.ts";
import { syscallsX32 } from "./syscalls-x32.ts";
import { syscallsX8664 } from "./syscalls-x86-64.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const X32_BIT = 0x40000000;
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number): number => 0x00050000 | number;
const EPERM = 1;
const ENOSYS = 38;

interface Call {
  readonly number: number;
  readonly audit?: number;
  readonly args?: readonly bigint[];
}

function run(profile: OciSeccomp, call: Call, machine: "x86_64" | "aarch64" = "x86_64"): number {
  return interpretBpf(compileSeccomp(profile, machine).program, { audit: X86_64, args: [], ...call });
}

/** What a list of rules says about one call, found the slow way; conditions are evaluated on whole numbers. */
function expected(
  profile: OciSeccomp,
  call: { readonly name: string | undefined; readonly number: number; readonly args: readonly bigint[] },
  highest: number,
): number {
  const standard = errno(profile.defaultErrnoRet ?? EPERM);
  if (call.name === undefined || call.number > highest) return errno(ENOSYS);
  const rules = (profile.syscalls ?? []).filter((rule) => rule.names.includes(call.name ?? "")).filter((rule) => action(rule) !== standard);
  const sure = rules.find((rule) => (rule.args ?? []).length === 0);
  const rule = sure ?? rules.find((candidate) => holds(candidate, call.args));
  return rule === undefined ? standard : action(rule);
}

function action(rule: OciSyscallRule): number {
  if (rule.action === "SCMP_ACT_ALLOW") return ALLOW;
  if (rule.action === "SCMP_ACT_ERRNO") return errno(rule.errnoRet ?? EPERM);
  throw new Error(`the default profile has no ${rule.action}`);
}

function holds(rule: OciSyscallRule, args: readonly bigint[]): boolean {
  return (rule.args ?? []).every((argument) =>
    compare(argument.op, args[argument.index] ?? 0n, BigInt(argument.value), BigInt(argument.valueTwo ?? 0)),
  );
}

function compare(op: OciSeccompOperator, left: bigint, value: bigint, second: bigint): boolean {
  switch (op) {
    case "SCMP_CMP_EQ":
      return left === value;
    case "SCMP_CMP_NE":
      return left !== value;
    case "SCMP_CMP_LT":
      return left < value;
    case "SCMP_CMP_LE":
      return left <= value;
    case "SCMP_CMP_GT":
      return left > value;
    case "SCMP_CMP_GE":
      return left >= value;
    case "SCMP_CMP_MASKED_EQ":
      return (left & value) === second;
  }
}

describe("compileSeccomp() with the default profile", () => {
  const architectures = [
    { name: "x86-64", machine: "x86_64", audit: X86_64, bit: 0, table: syscallsX8664 },
    { name: "x32", machine: "x86_64", audit: X86_64, bit: X32_BIT, table: syscallsX32 },
    { name: "i386", machine: "x86_64", audit: I386, bit: 0, table: syscallsI386 },
    { name: "aarch64", machine: "aarch64", audit: AARCH64, bit: 0, table: syscallsAarch64 },
  ] as const;
  const capabilitySets = [[], ["CAP_SYS_ADMIN"], ["CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_BPF"]];
  const argumentSets = [
    0n,
    1n,
    2n,
    8n,
    17n,
    38n,
    39n,
    40n,
    41n,
    0x20000n,
    0x20008n,
    0xffffffffn,
    0x10000000fn,
    (1n << 32n) | 40n,
    0x7e020000n,
  ];

  for (const { name, machine, audit, bit, table } of architectures) {
    test(`decides every number of ${name} as the profile says`, () => {
      const names = new Map([...parseSyscallTable(table)].map(([syscall, number]) => [number, syscall]));
      const numbers = parseSyscallTable(table);
      for (const capabilities of capabilitySets) {
        const profile = defaultSeccompProfile({ capabilities, architecture: machine, kernelRelease: "6.1.0" });
        const { program } = compileSeccomp(profile, machine);
        const named = (profile.syscalls ?? []).flatMap((rule) => rule.names).map((syscall) => numbers.get(syscall) ?? -1);
        const highest = Math.max(...named);
        for (let number = 0; number <= 600; number++) {
          for (const argument of argumentSets) {
            // i386 passes 32 bits; the multiplexers there are allowed as a whole by this profile.
            const value = audit === I386 ? argument & 0xffffffffn : argument;
            const args = [value, 0n, 0n, 0n, 0n, 0n];
            const got = interpretBpf(program, { number: number + bit, audit, args });
            const wanted = expected(profile, { name: names.get(number), number, args }, highest);
            if (got !== wanted)
              throw new Error(
                `${name} ${number} (${names.get(number)}) arg ${argument}: got ${got.toString(16)}, want ${wanted.toString(16)}`,
              );
          }
        }
      }
    });
  }

  const profile = defaultSeccompProfile({ capabilities: [], architecture: "x86_64", kernelRelease: "6.1.0" });
  const number = (name: string): number => parseSyscallTable(syscallsX8664).get(name) ?? -1;

  test("allows what programs need and denies what reaches the host", () => {
    expect(run(profile, { number: number("read") })).toBe(ALLOW);
    expect(run(profile, { number: number("execve") })).toBe(ALLOW);
    for (const name of [
      "mount",
      "bpf",
      "kexec_load",
      "init_module",
      "ptrace",
      "unshare",
      "setns",
      "keyctl",
      "userfaultfd",
      "io_uring_setup",
    ]) {
      const verdict = run(profile, { number: number(name) });
      // docker's profile allows ptrace since Linux 4.8.
      expect([name, verdict]).toEqual([name, name === "ptrace" ? ALLOW : errno(EPERM)]);
    }
  });

  test("answers ENOSYS for clone3, for numbers that nobody has assigned and for -1", () => {
    expect(run(profile, { number: number("clone3") })).toBe(errno(ENOSYS));
    expect(run(profile, { number: 1000 })).toBe(errno(ENOSYS));
    expect(run(profile, { number: 400 })).toBe(errno(ENOSYS));
    expect(run(profile, { number: 0xffffffff })).toBe(errno(ENOSYS));
  });

  test("denies socket(AF_VSOCK) and (AF_ALG), also with bits above the kernel's 32", () => {
    for (const family of [38n, 40n, 40n | (1n << 32n), 38n | (1n << 63n)]) {
      expect(run(profile, { number: number("socket"), args: [family] })).toBe(errno(EPERM));
    }
    for (const family of [1n, 2n, 10n, 16n, 17n, 39n, 44n]) expect(run(profile, { number: number("socket"), args: [family] })).toBe(ALLOW);
  });

  test("denies clone() with any new namespace and allows it without", () => {
    for (const flag of [0x20000n, 0x02000000n, 0x04000000n, 0x08000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
      expect(run(profile, { number: number("clone"), args: [flag | 17n] })).toBe(errno(EPERM));
    }
    expect(run(profile, { number: number("clone"), args: [0x3d0f00n] })).toBe(ALLOW);
  });

  test("stays well below the kernel's limit of 4096 instructions", () => {
    expect(compileSeccomp(profile, "x86_64").program.length / 8).toBeLessThan(800);
  });
});

describe("compileSeccomp() on architectures", () => {
  const allowAll: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW" };

  test("kills a call of an architecture that is not listed", () => {
    expect(run(allowAll, { number: 1, audit: I386 })).toBe(KILL_PROCESS);
    expect(run(allowAll, { number: 1, audit: AARCH64 })).toBe(KILL_PROCESS);
    expect(run(allowAll, { number: 1 | X32_BIT })).toBe(KILL_PROCESS);
    expect(run(allowAll, { number: 1, audit: X86_64 }, "aarch64")).toBe(KILL_PROCESS);
  });

  test("lets an x32 number not slip past a deny rule for the same x86-64 call", () => {
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
      syscalls: [{ names: ["mount"], action: "SCMP_ACT_ERRNO" }],
    };
    expect(run(profile, { number: 165 })).toBe(errno(EPERM));
    expect(run(profile, { number: 165 | X32_BIT })).toBe(errno(EPERM));
    expect(run(profile, { number: 166 | X32_BIT })).toBe(ALLOW);
  });

  test("covers i386's socketcall() by a rule for the call behind it", () => {
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86"],
      syscalls: [{ names: ["bind", "shmget"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }],
    };
    expect(run(profile, { number: 102, audit: I386, args: [2n] })).toBe(errno(13));
    expect(run(profile, { number: 102, audit: I386, args: [3n] })).toBe(ALLOW);
    expect(run(profile, { number: 117, audit: I386, args: [23n] })).toBe(errno(13));
  });
});

describe("compileSeccomp() on arguments", () => {
  const operators = [
    "SCMP_CMP_EQ",
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_GT",
    "SCMP_CMP_GE",
    "SCMP_CMP_MASKED_EQ",
  ] as const;
  /** Values that JSON can carry, many near the border between the halves. */
  const value = fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(0, 1, 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001, 2 ** 53 - 1),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  );
  const argument = fc.record({ index: fc.nat(5), op: fc.constantFrom(...operators), value, valueTwo: value });

  test("compares 64 bits, unsigned, with every operator", () => {
    fc.assert(
      fc.property(argument, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.boolean(), (check, given, near) => {
        const actual = near ? BigInt(check.value) + (given % 3n) : given;
        const args = Array.from({ length: 6 }, (_, index) => (index === check.index ? actual : 0n));
        const profile: OciSeccomp = {
          defaultAction: "SCMP_ACT_ERRNO",
          syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [check] }],
        };
        const matches = compare(check.op, actual, BigInt(check.value), BigInt(check.valueTwo));
        expect(run(profile, { number: 0, args })).toBe(matches ? ALLOW : errno(EPERM));
      }),
      { numRuns: 2000 },
    );
  });

  test("takes the first of several rules whose checks all hold", () => {
    const rule = fc.record({
      action: fc.constantFrom("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"),
      errnoRet: fc.integer({ min: 2, max: 4095 }),
      args: fc.uniqueArray(argument, { minLength: 1, maxLength: 4, selector: (check) => check.index }),
    });
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 60 }), fc.array(value, { minLength: 6, maxLength: 6 }), (rules, given) => {
        const args = given.map(BigInt);
        const profile: OciSeccomp = {
          defaultAction: "SCMP_ACT_ERRNO",
          syscalls: rules.map((entry) => ({ ...entry, names: ["read"] })),
        };
        expect(run(profile, { number: 0, args })).toBe(expected(profile, { name: "read", number: 0, args }, 0));
      }),
      { numRuns: 300 },
    );
  });

  test("lets each check stand alone when a rule checks one argument twice, as runc", () => {
    const checks = [
      { index: 0, op: "SCMP_CMP_EQ", value: 1 },
      { index: 0, op: "SCMP_CMP_EQ", value: 2 },
    ] as const;
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: checks }],
    };
    expect([1n, 2n, 3n].map((given) => run(profile, { number: 0, args: [given] }))).toEqual([ALLOW, ALLOW, errno(EPERM)]);
  });

  test("reaches far targets: long chains of checks on neighbouring calls", () => {
    const names = ["read", "write", "open", "close", "stat", "fstat"];
    const rules = names.map((name, which) => ({
      names: [name],
      action: "SCMP_ACT_ERRNO" as const,
      errnoRet: 100 + which,
      args: [0, 1, 2, 3, 4, 5].map((index) => ({ index, op: "SCMP_CMP_GT" as const, value: 2 ** 40 + index })),
    }));
    const many = Array.from({ length: 14 }, (_, round) => rules.map((rule) => ({ ...rule, errnoRet: rule.errnoRet + round * 10 }))).flat();
    const profile: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: many };
    const { program } = compileSeccomp(profile, "x86_64");
    expect(program.length / 8).toBeGreaterThan(1500);
    names.forEach((_, number) => {
      expect(interpretBpf(program, { number, audit: X86_64, args: Array(6).fill(2n ** 50n) })).toBe(errno(100 + number));
      expect(interpretBpf(program, { number, audit: X86_64, args: Array(6).fill(1n) })).toBe(ALLOW);
    });
  });
});

describe("compileSeccomp() on actions and flags", () => {
  const returned = (rule: Partial<OciSyscallRule> & Pick<OciSyscallRule, "action">): number =>
    run({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"], ...rule }] }, { number: 0 });

  test("returns each action's value", () => {
    expect(returned({ action: "SCMP_ACT_KILL" })).toBe(0);
    expect(returned({ action: "SCMP_ACT_KILL_THREAD" })).toBe(0);
    expect(returned({ action: "SCMP_ACT_KILL_PROCESS" })).toBe(KILL_PROCESS);
    expect(returned({ action: "SCMP_ACT_TRAP" })).toBe(0x00030000);
    expect(returned({ action: "SCMP_ACT_ERRNO", errnoRet: 95 })).toBe(errno(95));
    expect(returned({ action: "SCMP_ACT_TRACE", errnoRet: 7 })).toBe(0x7ff00007);
    expect(returned({ action: "SCMP_ACT_LOG" })).toBe(0x7ffc0000);
  });

  test("gives unknown calls the default when that lets calls through, else ENOSYS", () => {
    expect(run({ defaultAction: "SCMP_ACT_LOG", syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO" }] }, { number: 5000 })).toBe(
      0x7ffc0000,
    );
    expect(
      run({ defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] }, { number: 5000 }),
    ).toBe(errno(ENOSYS));
  });

  test("refuses what it can't do, naming it", () => {
    const unknown = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"], action: "SCMP_ACT_X" }] } as unknown as OciSeccomp;
    expect(() => compileSeccomp(unknown, "x86_64")).toThrow("SCMP_ACT_X");
    const huge: OciSeccomp = { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 5000 };
    expect(() => compileSeccomp(huge, "x86_64")).toThrow("5000");
    const index: OciSeccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 6, op: "SCMP_CMP_EQ", value: 0 }] }],
    };
    expect(() => compileSeccomp(index, "x86_64")).toThrow("index 6");
  });

  test("turns flags into bits, SPEC_ALLOW when none are given", () => {
    expect(compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW" }, "x86_64").flags).toBe(4);
    expect(compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", flags: [] }, "x86_64").flags).toBe(0);
    expect(compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LOG"] }, "x86_64").flags).toBe(2);
    const killable: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] };
    const notify: OciSeccomp = { ...killable, syscalls: [{ names: ["read"], action: "SCMP_ACT_NOTIFY" }] };
    // The kernel takes it for a filter that notifies only.
    expect([compileSeccomp(killable, "x86_64").flags, compileSeccomp(notify, "x86_64").flags]).toEqual([0, 32]);
  });
});
