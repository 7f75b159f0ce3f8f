import { EngineError } from "../../core/engine-error.ts";
import type { OciSeccompAction } from "../oci-config.ts";

/** linux/seccomp.h SECCOMP_RET_*: the high half is the action, the low half its data. */
export const seccompReturn = {
  killProcess: 0x80000000,
  killThread: 0x00000000,
  trap: 0x00030000,
  errno: 0x00050000,
  trace: 0x7ff00000,
  notify: 0x7fc00000,
  log: 0x7ffc0000,
  allow: 0x7fff0000,
} as const;

const EPERM = 1;
export const ENOSYS = 38;

/**
 * What the filter returns for an action. `errnoRet` is the error number of `SCMP_ACT_ERRNO` (absent: EPERM) and the message of
 * `SCMP_ACT_TRACE`. `SCMP_ACT_KILL` is the thread, as in libseccomp.
 * @throws {EngineError} SECCOMP_UNSUPPORTED for unknown words.
 */
export function seccompActionValue(action: OciSeccompAction, errnoRet: number | undefined): number {
  const data = errnoRet ?? EPERM;
  switch (action) {
    case "SCMP_ACT_KILL":
    case "SCMP_ACT_KILL_THREAD":
      return seccompReturn.killThread;
    case "SCMP_ACT_KILL_PROCESS":
      return seccompReturn.killProcess;
    case "SCMP_ACT_TRAP":
      return seccompReturn.trap;
    case "SCMP_ACT_ERRNO":
      return seccompReturn.errno | checkedData(data, 4095);
    case "SCMP_ACT_TRACE":
      return seccompReturn.trace | checkedData(data, 0xffff);
    case "SCMP_ACT_NOTIFY":
      return seccompReturn.notify;
    case "SCMP_ACT_LOG":
      return seccompReturn.log;
    case "SCMP_ACT_ALLOW":
      return seccompReturn.allow;
    default:
      throw new EngineError({
        kind: "notImplemented",
        code: "SECCOMP_UNSUPPORTED",
        message: `seccomp profile: action \`${String(action)}\` is not supported`,
      });
  }
}

/** Whether the default lets calls through (tracers answer unknown calls themselves): then unknown ones get it too, instead of ENOSYS. */
export function letsThrough(action: OciSeccompAction): boolean {
  return action === "SCMP_ACT_ALLOW" || action === "SCMP_ACT_LOG" || action === "SCMP_ACT_TRACE";
}

/** The kernel caps an errno at MAX_ERRNO (4095) silently; a larger one is a mistake in the profile. */
function checkedData(data: number, most: number): number {
  if (Number.isInteger(data) && data >= 0 && data <= most) return data;
  throw new EngineError({
    kind: "invalidArgument",
    code: "SECCOMP_INVALID",
    message: `seccomp profile: \`errnoRet\` ${data} is not between 0 and ${most}`,
  });
}
