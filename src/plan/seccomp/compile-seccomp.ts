import { EngineError } from "../../core/engine-error.ts";
import type { OciSeccomp, OciSeccompFlag } from "../oci-config.ts";
import { writeArgumentCheck } from "./argument-check.ts";
import { BpfAssembler, type BpfLabel, bpfJump } from "./bpf-assembler.ts";
import { seccompReturn } from "./seccomp-action.ts";
import { type SeccompArchitecture, seccompArchitectures, X32_SYSCALL_BIT } from "./seccomp-architecture.ts";
import type { SeccompProgram } from "./seccomp-program.ts";
import { decideSyscalls, type SyscallDecision } from "./syscall-decisions.ts";

const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
/** linux/bpf_common.h BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;

/** What a profile's flags are to the kernel: linux/seccomp.h. */
export const FLAG_BITS: Readonly<Record<OciSeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/**
 * Compiles a profile for a machine. The program finds the decision by a binary search over ranges of numbers, so the kernel (5.11 and
 * later) can also see which calls are always allowed and skips the filter for them. What the profile means: `decideSyscalls`.
 *
 * A call of another architecture than the native one and those in `architectures` kills the process; so does one with the x32 bit when x32
 * is not among them. Without `flags` the program asks for SPEC_ALLOW, as runc does: else kernels before 5.16 slow the process down.
 * @throws {EngineError} SECCOMP_INVALID, SECCOMP_UNSUPPORTED
 * @see seccomp(2), Documentation/userspace-api/seccomp_filter.rst
 */
export function compileSeccomp(profile: OciSeccomp, machine: "x86_64" | "aarch64"): SeccompProgram {
  const [native, ...others] = seccompArchitectures[machine];
  const listed = others.filter((architecture) => profile.architectures?.includes(architecture.name));
  const assembler = new BpfAssembler();
  const refused = assembler.return(seccompReturn.killProcess);

  // Written backwards: what is tested last comes first. The accumulator holds the architecture until one test succeeds.
  let entry = refused;
  for (const architecture of listed.toReversed()) {
    if (architecture.audit === native.audit) continue;
    const section = assembler.load(NUMBER_OFFSET, writeSearch(assembler, profile, architecture));
    entry = assembler.jump(bpfJump.equal, architecture.audit, { onTrue: section, onFalse: entry });
  }
  const nativeSection = assembler.load(NUMBER_OFFSET, writeNative(assembler, { profile, native, listed, refused }));
  entry = assembler.jump(bpfJump.equal, native.audit, { onTrue: nativeSection, onFalse: entry });
  assembler.load(ARCHITECTURE_OFFSET, entry);

  if (assembler.length > MAX_INSTRUCTIONS) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "SECCOMP_INVALID",
      message: `seccomp profile: it compiles to ${assembler.length} instructions, the kernel takes ${MAX_INSTRUCTIONS}`,
    });
  }
  return { program: assembler.toBytes(), flags: flagBits(profile) };
}

function writeNative(
  assembler: BpfAssembler,
  parts: {
    readonly profile: OciSeccomp;
    readonly native: SeccompArchitecture;
    readonly listed: readonly SeccompArchitecture[];
    readonly refused: BpfLabel;
  },
): BpfLabel {
  const { profile, native, listed, refused } = parts;
  const search = writeSearch(assembler, profile, native);
  if (native.name !== "SCMP_ARCH_X86_64") return search;
  const x32 = listed.find((architecture) => architecture.numberBit === X32_SYSCALL_BIT);
  const marked = x32 === undefined ? refused : writeSearch(assembler, profile, x32);
  // -1 is what a tracer writes to skip a call: not an x32 one.
  const skipped = assembler.return(decideSyscalls(profile, native).unassigned);
  const notSkipped = assembler.jump(bpfJump.equal, 0xffffffff, { onTrue: skipped, onFalse: marked });
  return assembler.jump(bpfJump.greaterOrEqual, X32_SYSCALL_BIT, { onTrue: notSkipped, onFalse: search });
}

/** Consecutive numbers, from `first` up to the next range, that share a decision. */
interface NumberRange {
  readonly first: number;
  readonly decision: SyscallDecision;
}

/** Expects the number in the accumulator. */
function writeSearch(assembler: BpfAssembler, profile: OciSeccomp, architecture: SeccompArchitecture): BpfLabel {
  const { byNumber, unassigned } = decideSyscalls(profile, architecture);
  const ranges = toRanges(byNumber, { conditions: [], otherwise: unassigned });
  const write = (from: number, to: number): BpfLabel => {
    const range = ranges[from];
    if (range === undefined) throw new RangeError("no range to search");
    if (to - from === 1) return writeDecision(assembler, range.decision, architecture.wide);
    const middle = (from + to) >> 1;
    const upper = write(middle, to);
    const lower = write(from, middle);
    const border = (ranges[middle]?.first ?? 0) + architecture.numberBit;
    return assembler.jump(bpfJump.greaterOrEqual, border, { onTrue: upper, onFalse: lower });
  };
  return write(0, ranges.length);
}

function toRanges(byNumber: ReadonlyMap<number, SyscallDecision>, rest: SyscallDecision): readonly NumberRange[] {
  const ranges: NumberRange[] = [];
  const last = Math.max(-1, ...byNumber.keys());
  // One further than the last: from there on everything is `rest`.
  for (let number = 0; number <= last + 1; number++) {
    const decision = byNumber.get(number) ?? rest;
    const previous = ranges.at(-1)?.decision;
    const same =
      previous !== undefined && previous.otherwise === decision.otherwise && previous.conditions.length + decision.conditions.length === 0;
    if (!same) ranges.push({ first: number, decision });
  }
  return ranges;
}

function writeDecision(assembler: BpfAssembler, decision: SyscallDecision, wide: boolean): BpfLabel {
  let label = assembler.return(decision.otherwise);
  for (const condition of decision.conditions.toReversed()) {
    const miss = label;
    label = assembler.return(condition.value);
    for (const argument of condition.args.toReversed()) {
      label = writeArgumentCheck(assembler, { argument, wide, targets: { match: label, miss } });
    }
  }
  return label;
}

function flagBits(profile: OciSeccomp): number {
  if (profile.flags === undefined) return FLAG_BITS.SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  let bits = 0;
  for (const flag of profile.flags) {
    const bit = FLAG_BITS[flag];
    if (bit === undefined) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "SECCOMP_INVALID",
        message: `seccomp profile: flag \`${flag}\` is not known`,
      });
    }
    bits |= bit;
  }
  // The kernel refuses it for a filter without a listener.
  const notifies = profile.syscalls?.some(({ action }) => action === "SCMP_ACT_NOTIFY") === true;
  return notifies ? bits : bits & ~FLAG_BITS.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}
