import { EngineError } from "../core/engine-error.ts";
import { launchPlan, type LaunchedProcess } from "../kernel/launcher-client.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import type { PlanCache } from "./plan-cache.ts";

/** A started process and our connection to its monitor. */
export interface StartedProcess extends LaunchedProcess {
  readonly tty: boolean;
  /** Lets go of the monitor without ending anything: for a detached start. */
  release(): void;
}

export interface StartProcessOptions {
  readonly launcher: string;
  /** The container's id. */
  readonly label?: string;
  readonly tty: boolean;
  /** The process has this process's own descriptors 0 to 2. */
  readonly inheritStdio?: boolean;
  /** And so many of its further ones, from 3 on. */
  readonly passedDescriptors?: number;
  /** Told the plan, just before it runs. */
  readonly onCompiled?: (plan: LaunchPlan) => void;
  /** Where plans of earlier starts are, and what in this one is no other's (`PlanCache.entry`). */
  readonly remember?: { readonly cache: PlanCache; readonly ids: readonly string[] };
  /** Told the plan in words, just before it runs. */
  readonly onPlan?: (plan: ExplainedPlan) => void;
  readonly signal?: AbortSignal;
}

/**
 * Compiles a plan, carries it out, and turns a failure into a sentence about the operation that failed.
 * @throws {EngineError} COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, LAUNCHER_UNAVAILABLE; everything is undone.
 */
export async function startProcess(input: PlanInput, options: StartProcessOptions): Promise<StartedProcess> {
  const plan = (await rememberedPlan(input, options)) ?? (await compiledPlan(input, options));
  try {
    const launched = await launchPlan({
      launcher: options.launcher,
      plan,
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.inheritStdio === undefined ? {} : { inheritStdio: options.inheritStdio }),
      ...(options.passedDescriptors === undefined ? {} : { passedDescriptors: options.passedDescriptors }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return { ...launched, tty: options.tty, release: () => launched.connection.close() };
  } catch (error) {
    throw error instanceof EngineError && error.code === "LAUNCH_FAILED" ? await explainFailure(input, error) : error;
  }
}

/** The bytes of the plan, without loading the compiler; null when it has to be compiled for this start. */
async function rememberedPlan(input: PlanInput, options: StartProcessOptions): Promise<Uint8Array | null> {
  const { remember } = options;
  if (remember === undefined || options.onPlan !== undefined || options.onCompiled !== undefined) return null;
  const entry = remember.cache.entry(input, remember.ids);
  return entry === null ? null : (entry.read() ?? entry.write(await compiledPlan(entry.template, {})));
}

async function compiledPlan(
  input: PlanInput,
  { onCompiled, onPlan }: Pick<StartProcessOptions, "onCompiled" | "onPlan">,
): Promise<Uint8Array> {
  const { compilePlan } = await import("../plan/compile.ts");
  const { encodePlan } = await import("../plan/encode.ts");
  const plan = compilePlan(input);
  onCompiled?.(plan);
  if (onPlan !== undefined) {
    const { explainPlan } = await import("../plan/explain.ts");
    onPlan(explainPlan(plan));
  }
  return encodePlan(plan);
}

async function explainFailure(input: PlanInput, error: EngineError): Promise<EngineError> {
  const { operation, errno, detail } = error.details as { operation: number | null; errno: number; detail: string };
  if (operation === null) return error;
  const { compilePlan } = await import("../plan/compile.ts");
  const { describeFailure } = await import("../plan/describe-failure.ts");
  return describeFailure(compilePlan(input), { index: operation, errno, detail });
}
