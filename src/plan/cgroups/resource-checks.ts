import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";

/** A list of processors or memory nodes, as cpuset(7) writes it. @throws {EngineError} INVALID_OPTION */
export function checkList(list: string, option: string): string {
  if (/^\d+(-\d+)?(:\d+\/\d+)?(,\d+(-\d+)?(:\d+\/\d+)?)*$/.test(list)) return list;
  throw invalidOption(`resources: \`${option}\` is \`${list}\`, a list such as 0-2,4 is meant`);
}

/** A name that stands before a value in one line of a cgroup file. @throws {EngineError} INVALID_OPTION */
export function checkWord(word: string, option: string): string {
  if (/^[^\s/]{1,64}$/.test(word)) return word;
  throw invalidOption(`resources: \`${option}\` names a device \`${word}\`, which is no single word`);
}

/** `2MB`, `1GB`: as the kernel names its hugetlb files. @throws {EngineError} INVALID_OPTION */
export function checkPageSize(size: string): string {
  if (/^[1-9]\d*[KMG]B$/.test(size)) return size;
  throw invalidOption(`resources: a huge page size is \`${size}\`, one such as 2MB is meant`);
}

/** Why there is none. */
export const LEAF_WEIGHT = "leaf weights belonged to the CFQ scheduler, which is gone since 5.0";

/** A limit that was asked for and that nothing on this host can set. */
export function unsupported(option: string, reason: string): EngineError {
  return new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_CONTROLLER_MISSING",
    message: `set the limit \`${option}\`: ${reason}`,
  });
}
