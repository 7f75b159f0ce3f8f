import { EngineError } from "../../core/engine-error.ts";
import type { OciSyscallArgument } from "../oci-config.ts";
import { type BpfAssembler, type BpfLabel, bpfJump } from "./bpf-assembler.ts";

/** `struct seccomp_data`: nr at 0, arch at 4, instruction pointer at 8, six 64-bit arguments from 16. */
const ARGUMENTS_OFFSET = 16;

/** Where to go when an argument matches, and when it does not. */
export interface CheckTargets {
  readonly match: BpfLabel;
  readonly miss: BpfLabel;
}

/**
 * Writes the comparison of one argument: unsigned and 64 bits wide, in two halves, as BPF works on 32 bits. On a 32-bit architecture only
 * the low half counts, of the argument and of the profile's value (as in libseccomp; the high half is always zero there).
 * @throws {EngineError} SECCOMP_INVALID for an index beyond 5, an unknown operator, a value that is no unsigned 64-bit integer.
 */
export function writeArgumentCheck(
  assembler: BpfAssembler,
  options: { readonly argument: OciSyscallArgument; readonly wide: boolean; readonly targets: CheckTargets },
): BpfLabel {
  const { argument, wide, targets } = options;
  if (!Number.isInteger(argument.index) || argument.index < 0 || argument.index > 5) {
    throw invalid(`argument index ${argument.index} is not between 0 and 5`);
  }
  const value = halves(argument.value);
  const inverse = { match: targets.miss, miss: targets.match };
  switch (argument.op) {
    case "SCMP_CMP_EQ":
      return writeEqual(assembler, { index: argument.index, wide, value, targets });
    case "SCMP_CMP_NE":
      return writeEqual(assembler, { index: argument.index, wide, value, targets: inverse });
    case "SCMP_CMP_MASKED_EQ":
      // The profile's `value` is the mask, `valueTwo` what must remain.
      return writeEqual(assembler, { index: argument.index, wide, value: halves(argument.valueTwo ?? 0), mask: value, targets });
    case "SCMP_CMP_GT":
      return writeOrder(assembler, { index: argument.index, wide, value, condition: bpfJump.greater, targets });
    case "SCMP_CMP_GE":
      return writeOrder(assembler, { index: argument.index, wide, value, condition: bpfJump.greaterOrEqual, targets });
    case "SCMP_CMP_LE":
      return writeOrder(assembler, { index: argument.index, wide, value, condition: bpfJump.greater, targets: inverse });
    case "SCMP_CMP_LT":
      return writeOrder(assembler, { index: argument.index, wide, value, condition: bpfJump.greaterOrEqual, targets: inverse });
    default:
      throw invalid(`operator \`${String(argument.op)}\` is not known`);
  }
}

interface Halves {
  readonly high: number;
  readonly low: number;
}

interface Comparison {
  readonly index: number;
  readonly wide: boolean;
  readonly value: Halves;
  readonly targets: CheckTargets;
}

function writeEqual(assembler: BpfAssembler, check: Comparison & { readonly mask?: Halves }): BpfLabel {
  const { mask, targets, value } = check;
  const writeHalf = (half: "high" | "low", match: BpfLabel): BpfLabel => {
    let label = assembler.jump(bpfJump.equal, value[half], { onTrue: match, onFalse: targets.miss });
    if (mask !== undefined) label = assembler.and(mask[half], label);
    return assembler.load(offsetOf(check.index, half), label);
  };
  const low = writeHalf("low", targets.match);
  return check.wide ? writeHalf("high", low) : low;
}

/** The high halves decide unless they are equal; then the low ones do. */
function writeOrder(assembler: BpfAssembler, check: Comparison & { readonly condition: number }): BpfLabel {
  const { targets, value } = check;
  let label = assembler.jump(check.condition, value.low, { onTrue: targets.match, onFalse: targets.miss });
  label = assembler.load(offsetOf(check.index, "low"), label);
  if (!check.wide) return label;
  label = assembler.jump(bpfJump.equal, value.high, { onTrue: label, onFalse: targets.miss });
  label = assembler.jump(bpfJump.greater, value.high, { onTrue: targets.match, onFalse: label });
  return assembler.load(offsetOf(check.index, "high"), label);
}

/** Both supported architectures are little endian: the low half comes first. */
function offsetOf(index: number, half: "high" | "low"): number {
  return ARGUMENTS_OFFSET + index * 8 + (half === "high" ? 4 : 0);
}

/** A number above 2^53 has lost its low bits before it comes here, digits have not; 2^64 - 1 as a number arrives as 2^64 and is meant as all ones. */
function halves(value: number | string): Halves {
  if (typeof value === "string") {
    const digits = /^\d{1,20}$/.test(value) ? BigInt(value) : 1n << 64n;
    if (digits >> 64n !== 0n) throw invalid(`argument value ${value} is not an unsigned 64-bit integer`);
    return { high: Number(digits >> 32n), low: Number(digits & 0xffffffffn) };
  }
  if (value === 2 ** 64) return { high: 0xffffffff, low: 0xffffffff };
  if (!Number.isInteger(value) || value < 0 || value > 2 ** 64) throw invalid(`argument value ${value} is not an unsigned 64-bit integer`);
  const whole = BigInt(value);
  return { high: Number(whole >> 32n), low: Number(whole & 0xffffffffn) };
}

function invalid(reason: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "SECCOMP_INVALID", message: `seccomp profile: ${reason}` });
}
