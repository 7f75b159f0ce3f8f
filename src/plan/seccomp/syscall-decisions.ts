import type { OciSeccomp, OciSyscallArgument } from "../oci-config.ts";
import { ENOSYS, letsThrough, seccompActionValue, seccompReturn } from "./seccomp-action.ts";
import type { SeccompArchitecture } from "./seccomp-architecture.ts";
import { multiplexedCalls } from "./multiplexed-calls.ts";

/** Checks that must all hold for `value` to be returned. */
export interface ConditionalValue {
  readonly args: readonly OciSyscallArgument[];
  readonly value: number;
}

/** What happens to one system call: the first condition that holds, else `otherwise`. */
export interface SyscallDecision {
  readonly conditions: readonly ConditionalValue[];
  readonly otherwise: number;
}

export interface ArchitectureDecisions {
  /** By number, without the architecture's bit. A number that is missing gets `unassigned`. */
  readonly byNumber: ReadonlyMap<number, SyscallDecision>;
  readonly unassigned: number;
}

/**
 * What a profile means for one architecture.
 *
 * As in runc and libseccomp: names that the architecture does not have are skipped, a rule that does what the default does is skipped, an
 * unconditional rule beats conditional ones (of several the first counts), and in a rule that checks one argument twice each check stands
 * alone. Conditional rules of one call are tried in the profile's order. On i386 a rule without checks also covers the same call made
 * through socketcall(2) or ipc(2).
 *
 * A call that the profile can't know is answered with ENOSYS, so that programs fall back to older calls (a plain EPERM breaks them): one
 * beyond the highest number of any call that the profile names, and one that Linux had not assigned when this was written. Unless the
 * default lets calls through: then they get the default.
 */
export function decideSyscalls(profile: OciSeccomp, architecture: SeccompArchitecture): ArchitectureDecisions {
  const table = architecture.syscalls();
  const standard = seccompActionValue(profile.defaultAction, profile.defaultErrnoRet);
  const unassigned = letsThrough(profile.defaultAction) ? standard : seccompReturn.errno | ENOSYS;
  const rules = new Map<number, { conditions: ConditionalValue[]; unconditional?: number }>();
  let highest = -1;

  const add = (number: number, value: number, args: readonly OciSyscallArgument[]): void => {
    highest = Math.max(highest, number);
    const rule = rules.get(number) ?? { conditions: [] };
    rules.set(number, rule);
    if (value === standard) return;
    if (args.length === 0) rule.unconditional ??= value;
    else for (const group of separate(args)) rule.conditions.push({ args: group, value });
  };

  for (const rule of profile.syscalls ?? []) {
    const value = seccompActionValue(rule.action, rule.errnoRet);
    const args = rule.args ?? [];
    for (const name of rule.names) {
      const number = table.get(name);
      if (number !== undefined) add(number, value, args);
      const call = architecture.name === "SCMP_ARCH_X86" && args.length === 0 ? multiplexedCalls.get(name) : undefined;
      const through = call === undefined ? undefined : table.get(call.through);
      if (call !== undefined && through !== undefined) add(through, value, [{ index: 0, op: "SCMP_CMP_EQ", value: call.selector }]);
    }
  }

  const byNumber = new Map<number, SyscallDecision>();
  for (const number of table.values()) {
    const rule = rules.get(number);
    if (number > highest && unassigned !== standard) continue;
    byNumber.set(number, decision(rule, standard));
  }
  return { byNumber, unassigned };
}

function decision(
  rule: { conditions: readonly ConditionalValue[]; unconditional?: number } | undefined,
  standard: number,
): SyscallDecision {
  if (rule === undefined) return { conditions: [], otherwise: standard };
  if (rule.unconditional !== undefined) return { conditions: [], otherwise: rule.unconditional };
  return { conditions: rule.conditions, otherwise: standard };
}

/** One group whose checks must all hold, or, when an argument occurs twice, a group for each check: what runc made of such rules since 2017. */
function separate(args: readonly OciSyscallArgument[]): readonly (readonly OciSyscallArgument[])[] {
  const indexes = new Set(args.map((argument) => argument.index));
  return indexes.size === args.length ? [args] : args.map((argument) => [argument]);
}
