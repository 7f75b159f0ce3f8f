import { awaitLimits, type CgroupSteps, enterCgroups, leaveCgroups, prepareCgroups, rehome, setCgroupLimits } from "./cgroup-steps.ts";
import { becomeUser } from "./credentials.ts";
import { copyHostNodes, createDeviceLinks, createRemainingNodes, finishDevFilesystem } from "./devices.ts";
import { compileExecPlan } from "./exec-plan.ts";
import { maskPaths, protectPaths, writeSysctls } from "./masks.ts";
import { stayOrLeave } from "./monitor-steps.ts";
import { MountTargets } from "./mount-targets.ts";
import { attachMounts, prepareMounts } from "./mounts.ts";
import { type ChildJoins, cloneChild, createTimeNamespace, joinMounts, joinNamespaces, unshareInside } from "./namespaces.ts";
import { raiseLoopback } from "./network.ts";
import type { LaunchPlan } from "./operations.ts";
import { configInvalid, createPlanContext, type PlanContext } from "./plan-context.ts";
import type { PlanInput } from "./plan-input.ts";
import { refuseUnsupported, setNames, setOomScore, setPersonalState, setPersonality } from "./process.ts";
import { attachRoot, createRootFilesystem, isolateMounts, makeRootReadonly, pivotRoot } from "./rootfs.ts";
import { makeStartPipes } from "./start-wait.ts";
import { closeChildEnds, NO_STDIO, preparePipes, type Stdio } from "./stdio.ts";
import { bindConsole, openTerminal, takeStdio } from "./terminal.ts";
import { enterUserNamespace } from "./unprivileged.ts";
import { mapIds } from "./user-namespace.ts";

/**
 * Compiles a container's configuration, or with `execInto` a further process of a running container, to a launch plan. Pure: equal inputs
 * give equal plans, and nothing is looked up. What the host offers decides here; at run time nothing is decided any more.
 * @throws {EngineError} CONFIG_INVALID, CONFIG_UNSUPPORTED
 * @see docs/plan-protocol.md
 */
export function compilePlan(input: PlanInput): LaunchPlan {
  if (input.execInto !== undefined) return compileExecPlan(input, input.execInto);
  const context = createPlanContext(input);
  if (!context.own.has("mount") && !context.joined.has("mount")) throw configInvalid("a container needs a mount namespace");
  refuseUnsupported(context);
  return buildContainer(context, prepareHost(context));
}

interface Prepared {
  readonly stdio: Stdio;
  readonly joins: ChildJoins;
  readonly cgroups: CgroupSteps;
}

/** HOST: everything up to the clone. */
function prepareHost(context: PlanContext): Prepared {
  const { plan, input } = context;
  const terminal = context.process.terminal === true;
  enterUserNamespace(context);
  rehome(plan, input.cgroups);
  const stdio = terminal ? NO_STDIO : preparePipes(context);
  const cgroups = prepareCgroups(plan, input.cgroups, false);
  makeStartPipes(context);
  const joins = joinNamespaces(context);
  createTimeNamespace(context);
  input.extensions?.prepare(context);
  enterCgroups(plan, input.cgroups);
  cloneChild(context, cgroups.cloneInto, joins);
  input.extensions?.outside(context);
  return { stdio, joins, cgroups };
}

/**
 * PARENT and CHILD. Up to the hand-over both work side by side: the parent builds the root file system, the child what needs its namespaces.
 * Then the parent sets the limits while the child attaches what it was handed.
 */
function buildContainer(context: PlanContext, { stdio, joins, cgroups }: Prepared): LaunchPlan {
  const { plan, input } = context;
  plan.child("DUMPABLE", [0], { why: "no process of the container can look into the launcher (CVE-2016-9962)" });
  const { descriptor } = mapIds(context);
  joinMounts(context, joins);
  unshareInside(context);
  isolateMounts(context);
  raiseLoopback(context);
  setNames(context);
  createRootFilesystem(context, descriptor);
  const mounts = prepareMounts(context, descriptor);
  writeSysctls(context, mounts);
  setOomScore(context);
  for (const point of input.holds ?? []) {
    plan.parent("TELL", [point], { why: "the client does its part now, knowing the pid" });
    plan.parent("HOLD", [point], { why: "until the client says go", doing: `wait at the point ${point}` });
  }
  const hostNodes = mounts.foreignDev ? [] : copyHostNodes(context, mounts.dev !== null);
  plan.parent("GIVE", [context.gifts], { why: "the mounts, by descriptor" });
  leaveCgroups(plan, input.cgroups);
  setCgroupLimits(plan, input.cgroups, cgroups);
  plan.child("TAKE", [context.gifts], { why: "the mounts that were made outside", doing: "wait for the mounts" });
  const targets = new MountTargets(context);
  attachRoot(context);
  attachMounts(context, mounts, targets);
  awaitLimits(plan, input.cgroups);
  if (!mounts.foreignDev) createRemainingNodes(context, targets, { ownDev: mounts.dev !== null, hostNodes });
  if (!mounts.foreignDev) createDeviceLinks(context);
  const terminal = context.process.terminal === true ? openTerminal(context) : null;
  if (terminal !== null && !mounts.foreignDev) bindConsole(context, terminal, targets);
  targets.directory(context.process.cwd.replace(/\/+$/, ""));
  if (mounts.dev !== null) finishDevFilesystem(context, mounts.dev.attributes);
  protectPaths(context);
  maskPaths(context);
  makeRootReadonly(context);
  input.extensions?.beforePivot(context);
  pivotRoot(context);
  takeStdio(context, stdio, terminal);
  setPersonality(context);
  setPersonalState(context);
  becomeUser(context, mounts.proc);
  closeChildEnds(context, stdio);
  stayOrLeave(context, stdio, terminal?.master ?? null);
  return plan.build();
}
