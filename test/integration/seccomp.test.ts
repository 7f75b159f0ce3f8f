import { afterAll, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import type { OciSeccomp } from "../../src/plan/oci-config.ts";
import { interpretBpf } from "../../src/plan/seccomp/bpf-interpreter.ts";
import { compileSeccomp } from "../../src/plan/seccomp/compile-seccomp.ts";
import { defaultSeccompProfile } from "../../src/plan/seccomp/default-profile.ts";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "seccomp", "cc", "x86_64");

/** No call fails with this by itself (EHWPOISON), so it can only come from the filter. */
const DENIED = 133;
const ENOSYS = 38;
const SIGSYS = 31;
const X32_BIT = 0x40000000;
const AUDIT = { n: 0xc000003e, i: 0x40000003 } as const;

/** By ABI and number: sync(2), which would delay the test; uretprobe and uprobe, which the kernel lets pass every filter (since 6.14 and 6.18). */
const SKIPPED = new Set(["n 162", "i 36", `n ${162 + X32_BIT}`, "n 335", "n 336"]);

interface Request {
  readonly abi: "n" | "i";
  readonly number: number;
  readonly first: bigint;
}

interface Answer extends Request {
  /** `=ERRNO`, `!SIGNAL` or `.` (ended or slept). */
  readonly result: string;
}

describe("a compiled seccomp profile in a real process", () => {
  let directory: string;
  let probe: string;

  beforeAll(() => {
    directory = mkdtempSync(`${tmpdir()}/wherry-seccomp-`);
    probe = `${directory}/seccomp-probe`;
    const compiled = spawnSync(
      "cc",
      ["-O1", "-Wall", "-Wextra", "-Werror", "-static", "-o", probe, `${repository}/test/payload/seccomp-probe.c`],
      { encoding: "utf8" },
    );
    if (compiled.status !== 0) throw new Error(compiled.stderr);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function attempt(profile: OciSeccomp, requests: readonly Request[]): readonly Answer[] {
    const { program, flags } = compileSeccomp(profile, "x86_64");
    writeFileSync(`${directory}/filter`, program);
    const input = requests.map(({ abi, number, first }) => `${abi} ${number} ${first}\n`).join("");
    const run = spawnSync(probe, [`${directory}/filter`, String(flags)], { input, encoding: "utf8", maxBuffer: 1 << 24 });
    if (run.status !== 0) throw new Error(`seccomp-probe: ${run.status} ${run.stderr}`);
    return run.stdout
      .trim()
      .split("\n")
      .map((line) => {
        const [abi, number, first, result] = line.split(" ");
        return { abi: abi === "i" ? "i" : "n", number: Number(number), first: BigInt(first ?? 0), result: result ?? "" };
      });
  }

  /** What the kernel did must be what the interpreter, which the unit tests hold against the profile, says. */
  function compare(profile: OciSeccomp, answers: readonly Answer[]): readonly string[] {
    const { program } = compileSeccomp(profile, "x86_64");
    return answers.flatMap((answer) => {
      const args = [answer.first, -1n, -1n, -1n, -1n, -1n].map((arg) => BigInt.asUintN(answer.abi === "i" ? 32 : 64, arg));
      const verdict = interpretBpf(program, { number: answer.number, audit: AUDIT[answer.abi], args });
      const fits =
        verdict === 0x7fff0000
          ? answer.result !== `=${DENIED}` && answer.result !== `!${SIGSYS}`
          : verdict >>> 16 === 5
            ? answer.result === `=${verdict & 0xffff}`
            : answer.result === `!${SIGSYS}`;
      return fits ? [] : [`${answer.abi} ${answer.number} ${answer.first}: ${answer.result}, the filter says 0x${verdict.toString(16)}`];
    });
  }

  const everyNumber: readonly Request[] = (["n", "i"] as const).flatMap((abi) =>
    Array.from({ length: 601 }, (_, number) => ({ abi, number, first: -1n })),
  );
  const x32: readonly Request[] = Array.from({ length: 601 }, (_, number) => ({ abi: "n", number: number + X32_BIT, first: -1n }));
  const safe = (request: Request): boolean => !SKIPPED.has(`${request.abi} ${request.number}`);
  const docker = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
  ];

  for (const [name, capabilities] of [
    ["no capabilities", []],
    ["docker's capabilities", docker.map((word) => `CAP_${word}`)],
  ] as const) {
    test(`decides every system call number with ${name}`, () => {
      const profile = {
        ...defaultSeccompProfile({ capabilities, architecture: "x86_64", kernelRelease: release() }),
        defaultErrnoRet: DENIED,
      };
      const requests = [...everyNumber, ...x32].filter(safe);
      const answers = attempt(profile, requests);
      expect(answers).toHaveLength(requests.length);
      expect(compare(profile, answers)).toEqual([]);
      // A filter that lets everything through, or nothing, would not be a test.
      expect(answers.filter(({ result }) => result === `=${DENIED}`).length).toBeGreaterThan(100);
      expect(answers.filter(({ result }) => result !== `=${DENIED}` && result !== `=${ENOSYS}`).length).toBeGreaterThan(300);
    }, 60_000);
  }

  test("looks at arguments: families of socket(2), flags of clone(2), personalities", () => {
    const profile = {
      ...defaultSeccompProfile({ capabilities: [], architecture: "x86_64", kernelRelease: release() }),
      defaultErrnoRet: DENIED,
    };
    const families = [0n, 1n, 2n, 16n, 17n, 37n, 38n, 39n, 40n, 41n, 45n, 46n, 40n + (1n << 32n)];
    const requests: Request[] = [
      ...families.map((first): Request => ({ abi: "n", number: 41, first })),
      ...[0n, 8n, 0x20000n, 0x20008n, 0xffffffffn, 1n].map((first): Request => ({ abi: "n", number: 135, first })),
      ...[0x20000n, 0x10000000n, 0x02000000n, 0x40000000n].map((first): Request => ({ abi: "n", number: 56, first })),
      ...[38n, 40n, 2n].map((first): Request => ({ abi: "i", number: 359, first })),
    ];
    const answers = attempt(profile, requests);
    expect(compare(profile, answers)).toEqual([]);
    const denied = answers
      .filter(({ number, abi, result }) => abi === "n" && number === 41 && result === `=${DENIED}`)
      .map(({ first }) => first);
    expect(denied).toEqual([38n, 40n, 46n, 40n + (1n << 32n)]);
  });

  test("kills the process for a call of an architecture that is not listed, and for KILL rules", () => {
    const profile: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["getppid"], action: "SCMP_ACT_KILL_PROCESS" }] };
    const requests: Request[] = [
      { abi: "n", number: 110, first: 0n },
      { abi: "i", number: 20, first: 0n },
      { abi: "n", number: 39 + X32_BIT, first: 0n },
      { abi: "n", number: 39, first: 0n },
    ];
    expect(attempt(profile, requests).map(({ result }) => result)).toEqual([`!${SIGSYS}`, `!${SIGSYS}`, `!${SIGSYS}`, "=0"]);
  });

  test("answers ENOSYS for calls beyond those that the profile names", () => {
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: DENIED,
      syscalls: [{ names: ["read", "write", "getpid", "exit_group", "execve"], action: "SCMP_ACT_ALLOW" }],
    };
    const requests: Request[] = [435, 110, 39].map((number) => ({ abi: "n", number, first: -1n }));
    expect(attempt(profile, requests).map(({ result }) => result)).toEqual([`=${ENOSYS}`, `=${DENIED}`, "=0"]);
  });
});
