import { EngineError } from "../core/engine-error.ts";
import { launchPlan, type LaunchedProcess } from "../kernel/launcher-client.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import { atNoTime, type PlanCacheEntry } from "./plan-cache.ts";

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
  /** Where the plan of an earlier start like this one is, or this one's is to be kept. */
  readonly remember?: PlanCacheEntry | null | undefined;
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
  return startPlan({ plan, input: async () => input }, options);
}

/** With a plan that is there already; `input` is made only to put a failure into words. */
async function startPlan(
  { plan, input }: { readonly plan: Uint8Array; readonly input: () => Promise<PlanInput> },
  options: StartProcessOptions,
): Promise<StartedProcess> {
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
    throw error instanceof EngineError && error.code === "LAUNCH_FAILED" ? await explainFailure(await input(), error) : error;
  }
}

/** How a process is started that may be like an earlier one. */
export interface RepeatableStart<Input extends PlanInput> {
  /** By its facts (`PlanCache.entryOfFacts`); null where they don't tell all. */
  readonly likeThis: PlanCacheEntry | null;
  readonly makeInput: () => Promise<Input>;
  /** Where the plan of this input is to be kept, or is already. */
  readonly keepAs: (input: Input) => PlanCacheEntry | null | undefined;
}

/** As `startProcess`, without an input where the plan of an earlier start serves: `input` is null then. */
export async function startLike<Input extends PlanInput>(
  { likeThis, makeInput, keepAs }: RepeatableStart<Input>,
  options: Omit<StartProcessOptions, "remember">,
): Promise<{ readonly started: StartedProcess; readonly input: Input | null }> {
  const plan = options.onPlan === undefined ? (likeThis?.read() ?? null) : null;
  if (plan !== null) return { started: await startPlan({ plan, input: makeInput }, options), input: null };
  const input = await makeInput();
  return { started: await startProcess(input, { ...options, remember: keepAs(input) }), input };
}

/** The bytes of the plan, without loading the compiler where an earlier one serves; null when it has to be compiled for this start. */
async function rememberedPlan(input: PlanInput, { remember, onPlan, onCompiled }: StartProcessOptions): Promise<Uint8Array | null> {
  if (remember === undefined || remember === null || onPlan !== undefined || onCompiled !== undefined) return null;
  return remember.read() ?? remember.write(await compiledPlan(atNoTime(input), {}));
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
