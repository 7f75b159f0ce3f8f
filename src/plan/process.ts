import { EngineError } from "../core/engine-error.ts";
import { O } from "./kernel-flags.ts";
import { freshProc } from "./masks.ts";
import { configInvalid, configUnsupported, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_UMASK = 0o022;
/** personality(2). */
const PER_LINUX32 = 0x0008;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** The resources of getrlimit(2) by name, with the numbers of asm-generic. */
export const RLIMITS: Readonly<Record<string, number>> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

const encoder = new TextEncoder();

/**
 * Refuses what can't be done, rather than to start something else than was asked for: without extensions all the fields that are theirs.
 * @throws {EngineError} CONFIG_UNSUPPORTED
 */
export function refuseUnsupported(context: PlanContext): void {
  const { process, linux, config, input } = context;
  const labels = { "process.selinuxLabel": process.selinuxLabel ?? "", "linux.mountLabel": linux.mountLabel ?? "" };
  if (input.extensions === undefined) {
    const extended: Readonly<Record<string, unknown>> = {
      ...labels,
      "process.scheduler": process.scheduler,
      "process.ioPriority": process.ioPriority,
      "process.execCPUAffinity": process.execCPUAffinity,
      "linux.memoryPolicy": linux.memoryPolicy,
      "linux.intelRdt": linux.intelRdt,
      "linux.netDevices": Object.keys(linux.netDevices ?? {}).length > 0,
      "linux.seccomp.listenerPath": linux.seccomp?.listenerPath,
      hooks: Object.values(config.hooks ?? {}).some((list) => Array.isArray(list) && list.length > 0),
    };
    for (const [name, value] of Object.entries(extended)) {
      if (value !== undefined && value !== "" && value !== false) throw configUnsupported(`\`${name}\``);
    }
  }
  // As with `wherry run`, which looks before: a confinement that was asked for is never left out.
  const { apparmorProfile: profile = "" } = process;
  if (input.identity !== undefined && !input.features.apparmor && profile !== "" && profile !== "unconfined")
    throw configUnsupported("`process.apparmorProfile`, on a host where AppArmor is not enabled,");
  if (input.features.selinux === true) return;
  for (const [name, label] of Object.entries(labels)) {
    if (label !== "") throw configUnsupported(`\`${name}\`, on a host where SELinux is not enabled,`);
  }
}

/** PARENT: written from outside, where lowering the score below one's own is a matter of the launcher's privileges, and the child needs none. */
export function setOomScore(context: PlanContext): void {
  const score = context.process.oomScoreAdj;
  // Else the launcher has it itself: enterUserNamespace().
  if (score === undefined || context.input.unprivileged !== undefined) return;
  const directory = context.plan.slot("process");
  context.plan.parent("OPENCHILD", [".", O.O_PATH | O.O_CLOEXEC, directory], { why: "the child in the host's procfs" });
  context.plan.parent("WRITE", [directory, "oom_score_adj", encoder.encode(`${score}`)], {
    why: "how readily the kernel kills it when memory is short",
    doing: `set the OOM score adjustment to \`${score}\``,
  });
}

/** CHILD: host and domain name. */
export function setNames(context: PlanContext): void {
  const { hostname = "", domainname = "" } = context.config;
  if (hostname === "" && domainname === "") return;
  if (!context.own.has("uts")) throw configInvalid("`hostname` and `domainname` need a uts namespace");
  context.plan.child("NAMES", [hostname, domainname], { why: "the container's names", doing: `set the host name to \`${hostname}\`` });
}

/** CHILD, while it still has the capabilities for it, and when no step needs a further descriptor: few may be allowed. */
export function setLimits(context: PlanContext): void {
  const { plan, process } = context;
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const resource = RLIMITS[type];
    if (resource === undefined) throw configInvalid(`unknown limit \`${type}\``);
    plan.child("RLIMIT", [resource, limitValue(soft), limitValue(hard)], { why: type, doing: `set ${type} to ${soft}:${hard}` });
  }
}

/** CHILD. */
export function setPersonality(context: PlanContext): void {
  const { plan, linux } = context;
  const { personality } = linux;
  if (personality === undefined) return;
  // The specification defines none yet.
  if (personality.flags !== undefined && personality.flags.length > 0) throw configUnsupported("`linux.personality.flags`");
  if (personality.domain === "LINUX32") plan.child("PERSONALITY", [PER_LINUX32], { why: "a 32-bit view of the machine" });
  else plan.child("PERSONALITY", [0], { why: "the machine as it is, whatever the caller's view" });
}

/** Beyond 2^63 a JSON number has lost its last digits: what was meant is "unlimited". */
function limitValue(value: number): bigint {
  return value < 0 || value >= 2 ** 63 ? RLIM_INFINITY : BigInt(Math.trunc(value));
}

/** CHILD: nothing of the launcher's session keyring is seen; files are made with the usual mask. */
export function setPersonalState(context: PlanContext): void {
  if (context.input.keepKeyring !== true)
    context.plan.child("KEYRING", [""], {
      why: "a keyring of its own: the host's keys are out of reach",
      ignore: ["ENOSYS", "EDQUOT"],
      doing: "make a session keyring",
    });
  context.plan.child("UMASK", [context.process.user?.umask ?? DEFAULT_UMASK], { why: "the mask for new files" });
}

/** CHILD: looked up beneath the root, where a link such as /proc/self/fd/7 can't lead out (CVE-2024-21626). */
export function enterWorkingDirectory(context: PlanContext): void {
  const { cwd } = context.process;
  if (!cwd.startsWith("/")) throw configInvalid(`the working directory \`${cwd}\` is not an absolute path`);
  context.plan.child("CHDIR", [context.root, cwd], { why: "the working directory", doing: `enter the working directory \`${cwd}\`` });
}

/** CHILD: where the process's label or profile is set; null when it gets none. In a procfs of our own, which takes capabilities to make. */
export function openLabelDirectory(context: PlanContext, proc: Slot | null): Slot | null {
  if (apparmorProfile(context) === "" && (context.process.selinuxLabel ?? "") === "") return null;
  const self = context.plan.slot("proc-self");
  const from = proc ?? freshProc(context);
  context.plan.child("OPEN", [from, "self", O.O_PATH | O.O_CLOEXEC, 0, 0x9, self], {
    why: "this process in the private procfs",
    doing: "open the process in procfs",
  });
  return self;
}

/**
 * CHILD: the AppArmor profile, from the exec on, or at once. A task can only write its own. At once for a reaper, which executes
 * nothing, and wherever the profile allows what is left to be done: an exec that changes the profile clears the parent-death signal.
 * @see security/apparmor/domain.c, apparmor_bprm_committing_creds()
 */
export function setSecurityLabel(context: PlanContext, self: Slot): void {
  const profile = apparmorProfile(context);
  const { selinuxLabel: label = "" } = context.process;
  if (label !== "") {
    context.plan.child("WRITE", [self, "attr/exec", encoder.encode(label)], {
      why: "exec switches to this SELinux label",
      doing: `set the SELinux label \`${label}\``,
    });
  }
  if (profile === "") return;
  const atOnce = isLabelledAtOnce(context);
  const [file, verb] = atOnce ? ["current", "changeprofile"] : ["exec", "exec"];
  context.plan.child("WRITE", [self, `attr/apparmor/${file}`, encoder.encode(`${verb} ${profile}`)], {
    why: atOnce ? "this AppArmor profile, from now on" : "exec switches to this AppArmor profile",
    doing: `set the AppArmor profile \`${profile}\``,
  });
}

/** Empty when there is none to be set. */
function apparmorProfile({ process, input }: PlanContext): string {
  const { apparmorProfile: profile = "" } = process;
  return profile === "unconfined" || !input.features.apparmor ? "" : profile;
}

/** Whether `setSecurityLabel` is to come when the process has no more capabilities than the container, or before. */
export function isLabelledAtOnce({ input }: PlanContext): boolean {
  return input.reaper || input.labelAtOnce === true;
}

/** CHILD, last: as execvp(3) does, each directory of PATH in turn. */
export function execute(context: PlanContext): void {
  const { args = [], env = [] } = context.process;
  const [command] = args;
  if (command === undefined) throw configInvalid("`process.args` is empty");
  // A search for no name would find PATH's first directory, which is not to be executed.
  if (command === "")
    throw new EngineError({
      kind: "failedPrecondition",
      code: "COMMAND_NOT_FOUND",
      message: 'exec: "": executable file not found in $PATH',
    });
  context.plan.child("EXEC", [execCandidates(command, env), args, env], {
    why: "the program takes the launcher's place",
    doing: `execute \`${command}\``,
  });
}

/** A name with a slash stands for itself; else one path per directory of the environment's PATH, an empty one meaning the working directory. */
export function execCandidates(command: string, env: readonly string[]): string[] {
  if (command.includes("/")) return [command];
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  return path.split(":").map((directory) => (directory === "" ? `./${command}` : `${directory.replace(/\/+$/, "")}/${command}`));
}
