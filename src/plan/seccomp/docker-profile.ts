import { EngineError } from "../../core/engine-error.ts";
import type { OciSeccomp, OciSeccompFlag, OciSyscallRule } from "../oci-config.ts";

/** A seccomp profile as docker and podman read it: OCI's, with conditions. @see github.com/moby/profiles seccomp */
export interface DockerSeccompProfile extends Omit<OciSeccomp, "syscalls" | "flags"> {
  readonly flags?: readonly OciSeccompFlag[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[];
  readonly syscalls?: readonly DockerSyscallRule[];
}

export interface DockerSyscallRule extends OciSyscallRule {
  /** An older spelling of `names` with one entry. */
  readonly name?: string;
  /** All of these must hold. */
  readonly includes?: RuleConditions;
  /** None of these may hold. */
  readonly excludes?: RuleConditions;
}

export interface RuleConditions {
  /** With `includes` each must be held; with `excludes` one is enough. */
  readonly caps?: readonly string[];
  /** Go's names of architectures. */
  readonly arches?: readonly string[];
  /** `MAJOR.MINOR`. */
  readonly minKernel?: string;
}

/** What the conditions are compared with. */
export interface ProfileContext {
  /** The container's bounding set, `CAP_…` each. */
  readonly capabilities: readonly string[];
  readonly architecture: "x86_64" | "aarch64";
  /** A release as uname(2) gives it, e.g. `6.1.0-18-amd64`. */
  readonly kernelRelease: string;
}

const GO_ARCHITECTURE = { x86_64: "amd64", aarch64: "arm64" } as const;
const NATIVE = { x86_64: "SCMP_ARCH_X86_64", aarch64: "SCMP_ARCH_AARCH64" } as const;

/**
 * A docker profile from its JSON text.
 * @throws {EngineError} SECCOMP_INVALID naming what is wrong; SECCOMP_UNSUPPORTED for SCMP_ACT_NOTIFY.
 */
export function parseDockerProfile(text: string): DockerSeccompProfile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (!isRecord(parsed)) throw invalid("it is not a JSON object");
  if (typeof parsed["defaultAction"] !== "string") throw invalid("`defaultAction` is missing");
  checkAction(parsed["defaultAction"]);
  const { syscalls } = parsed;
  if (syscalls !== undefined && syscalls !== null && !Array.isArray(syscalls)) throw invalid("`syscalls` is not a list");
  for (const rule of Array.isArray(syscalls) ? (syscalls as readonly unknown[]) : []) checkRule(rule);
  // Checked above as far as a wrong shape could be misread; actions, operators and numbers are checked by the compiler.
  return parsed as unknown as DockerSeccompProfile;
}

/**
 * Resolves a profile's conditions for one container. The result holds only OCI's fields.
 * @throws {EngineError} SECCOMP_INVALID when both `architectures` and `archMap` are given, as docker.
 */
export function resolveDockerProfile(profile: DockerSeccompProfile, context: ProfileContext): OciSeccomp {
  const { archMap, syscalls, architectures, ...rest } = profile;
  const mapped = archMap ?? [];
  if (mapped.length > 0 && (architectures?.length ?? 0) > 0) throw invalid("use either `architectures` or `archMap`, not both");
  const native = mapped.find((entry) => entry.architecture === NATIVE[context.architecture]);
  const resolved = native === undefined ? architectures : [native.architecture, ...(native.subArchitectures ?? [])];
  return {
    ...rest,
    ...(resolved === undefined ? {} : { architectures: resolved }),
    syscalls: (syscalls ?? []).filter((rule) => applies(rule, context)).map(toOciRule),
  };
}

function applies(rule: DockerSyscallRule, context: ProfileContext): boolean {
  const { includes = {}, excludes = {} } = rule;
  const arch: string = GO_ARCHITECTURE[context.architecture];
  const held = (capability: string): boolean => context.capabilities.includes(capability);
  if (includes.caps?.some((capability) => !held(capability))) return false;
  if (excludes.caps?.some(held)) return false;
  if (includes.arches !== undefined && includes.arches.length > 0 && !includes.arches.includes(arch)) return false;
  if (excludes.arches?.includes(arch)) return false;
  if (includes.minKernel !== undefined && includes.minKernel !== "" && !kernelIsAtLeast(context.kernelRelease, includes.minKernel))
    return false;
  return !(excludes.minKernel !== undefined && excludes.minKernel !== "" && kernelIsAtLeast(context.kernelRelease, excludes.minKernel));
}

function toOciRule(rule: DockerSyscallRule): OciSyscallRule {
  const names = rule.names ?? [];
  return {
    names: rule.name === undefined || rule.name === "" ? names : [...names, rule.name],
    action: rule.action,
    ...(rule.errnoRet === undefined || rule.errnoRet === null ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined || rule.args === null ? {} : { args: rule.args }),
  };
}

function kernelIsAtLeast(release: string, version: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [wantedMajor = Number.NaN, wantedMinor = 0] = version.split(".").map(Number);
  if (Number.isNaN(wantedMajor) || Number.isNaN(wantedMinor)) throw invalid(`\`minKernel\` "${version}" is not MAJOR.MINOR`);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function checkRule(rule: unknown): void {
  if (!isRecord(rule)) throw invalid("a rule in `syscalls` is not an object");
  const { names, name, args, action } = rule;
  const isList = Array.isArray(names) && names.every((entry) => typeof entry === "string");
  if (!isList && typeof name !== "string") throw invalid("a rule in `syscalls` has no `names`");
  if (typeof action !== "string") throw invalid(`the rule for ${String(names ?? name)} has no \`action\``);
  checkAction(action);
  if (args !== undefined && args !== null && !(Array.isArray(args) && args.every(isArgument))) {
    throw invalid(`the rule for ${String(names ?? name)} has malformed \`args\``);
  }
}

/** Docker's profiles have no place to name the agent that would answer. */
function checkAction(action: string): void {
  if (action !== "SCMP_ACT_NOTIFY") return;
  throw new EngineError({
    kind: "notImplemented",
    code: "SECCOMP_UNSUPPORTED",
    message: "seccomp profile: action `SCMP_ACT_NOTIFY` needs an agent",
  });
}

function isArgument(argument: unknown): boolean {
  return (
    isRecord(argument) &&
    typeof argument["index"] === "number" &&
    typeof argument["value"] === "number" &&
    typeof argument["op"] === "string"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "SECCOMP_INVALID", message: `seccomp profile: ${reason}`, cause });
}
