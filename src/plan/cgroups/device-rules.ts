import { invalidOption } from "../../core/invalid-option.ts";
import type { OciDeviceRule } from "../oci-config.ts";

/** An OCI device rule with nothing left open. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type: "all" | "char" | "block";
  /** null: any. */
  readonly major: number | null;
  readonly minor: number | null;
  readonly read: boolean;
  readonly write: boolean;
  readonly mknod: boolean;
}

/**
 * The rules that matter, in order: those before the last one that covers everything are dropped.
 * @throws {EngineError} INVALID_OPTION for an unknown type or access letter.
 */
export function parseDeviceRules(rules: readonly OciDeviceRule[]): readonly DeviceRule[] {
  const parsed = rules.map(parseRule);
  const last = parsed.findLastIndex(coversEverything);
  return parsed.slice(Math.max(last, 0));
}

/** Whether a rule decides every access to every device. */
export function coversEverything(rule: DeviceRule): boolean {
  return rule.type === "all" && rule.major === null && rule.minor === null && rule.read && rule.write && rule.mknod;
}

function parseRule(rule: OciDeviceRule): DeviceRule {
  const access = rule.access === undefined || rule.access === "" ? "rwm" : rule.access;
  if (!/^[rwm]+$/.test(access)) throw invalidOption(`resources: device access \`${access}\` is not made of r, w and m`);
  const [read, write, mknod] = ["r", "w", "m"].map((letter) => access.includes(letter));
  return {
    allow: rule.allow,
    type: parseType(rule.type),
    major: parseNumber(rule.major),
    minor: parseNumber(rule.minor),
    read: read === true,
    write: write === true,
    mknod: mknod === true,
  };
}

function parseType(type: string | undefined): DeviceRule["type"] {
  if (type === undefined || type === "" || type === "a") return "all";
  if (type === "c" || type === "u") return "char";
  if (type === "b") return "block";
  throw invalidOption(`resources: device type \`${type}\` is not a, b or c`);
}

/** A negative number is how Go programs write "any". */
function parseNumber(number: number | undefined): number | null {
  if (number === undefined || number === null || number < 0) return null;
  if (!Number.isInteger(number) || number > 0x7fffffff)
    throw invalidOption(`resources: device number ${number} is beyond what the kernel knows`);
  return number;
}
