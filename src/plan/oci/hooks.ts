import type { OciHook, OciHooks } from "../oci-config.ts";
import { configInvalid, type PlanContext } from "../plan-context.ts";
import { type ContainerStatus, plannedState, withoutPid } from "./container-state.ts";

type LauncherHooks = "prestart" | "createRuntime" | "createContainer" | "startContainer";

const WHY: Readonly<Record<LauncherHooks, string>> = {
  prestart: "a prestart hook, in the host's namespaces: everything is mounted, nothing runs yet",
  createRuntime: "a createRuntime hook, in the host's namespaces: everything is mounted, nothing runs yet",
  createContainer: "a createContainer hook, in the container's namespaces, while the host's files can still be reached",
  startContainer: "a startContainer hook, in the container, with no more rights than it has",
};

/**
 * PARENT and CHILD: the hooks before pivot_root. Those of the host's namespaces wait until the child has mounted everything, since some
 * add to its mounts by the pid; the child waits for them.
 * @see runtime-spec config.md#posix-platform-hooks
 */
export function runCreateHooks(context: PlanContext): void {
  const { plan, config } = context;
  const { prestart = [], createRuntime = [], createContainer = [] } = config.hooks ?? {};
  if (prestart.length + createRuntime.length > 0) {
    plan.child("GIVE", [[]], { why: "everything is mounted" });
    plan.parent("TAKE", [[]], { why: "wait until everything is mounted", doing: "wait for the container's mounts" });
    plan.parent("CHDIR", [null, context.input.identity?.bundle ?? "/"], { why: "hooks find themselves in the bundle, as with runc" });
    for (const hook of prestart) addHook(context, "prestart", hook);
    for (const hook of createRuntime) addHook(context, "createRuntime", hook);
    plan.parent("CHDIR", [null, "/"], { why: "back again" });
    plan.parent("GIVE", [[]], { why: "the child may go on: the hooks are through" });
    plan.child("TAKE", [[]], { why: "wait for the hooks", doing: "wait for the hooks" });
  }
  if (createContainer.length > 0)
    plan.child("CHDIR", [context.root, ""], { why: "hooks find themselves in the root file system, as with runc" });
  for (const hook of createContainer) addHook(context, "createContainer", hook);
}

/** CHILD, right before the exec, with the container's rights: the program comes from the container and is no more to be trusted than it. */
export function runStartHooks(context: PlanContext): void {
  for (const hook of context.config.hooks?.startContainer ?? []) addHook(context, "startContainer", hook);
}

function addHook(context: PlanContext, kind: LauncherHooks, hook: OciHook): void {
  const { path, args = [path], env = [] } = hook;
  const status: ContainerStatus = kind === "startContainer" ? "created" : "creating";
  const state = withoutPid(plannedState(context, status));
  const section = kind === "prestart" || kind === "createRuntime" ? "parent" : "child";
  context.plan.add(section, "HOOK", [path, args, env, state, timeoutMs(kind, hook)], {
    why: WHY[kind],
    doing: `run the ${kind} hook \`${path}\``,
  });
}

/** Milliseconds; 0 for as long as it takes. @throws {EngineError} CONFIG_INVALID */
export function timeoutMs(kind: keyof OciHooks, { path, timeout }: OciHook): number {
  if (!path.startsWith("/")) throw configInvalid(`the ${kind} hook \`${path}\` is not an absolute path`);
  if (timeout === undefined) return 0;
  if (!Number.isInteger(timeout) || timeout <= 0) throw configInvalid(`the ${kind} hook \`${path}\` has a timeout of ${timeout} s`);
  return timeout * 1000;
}
