import { EngineError } from "../core/engine-error.ts";
import { launchPlan, type LaunchedProcess } from "../kernel/launcher-client.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import { atNoTime, type PlanCacheEntry } from "./plan-cache.ts";

/** A started process and our connection to its monitor. */
export interface StartedProcess extends LaunchedProcess {
  readonly tty: boolean;
  /** See `noteOf`; empty without. */
  readonly note: string;
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
  /** What is to be known of the plan later, and is remembered with it: the started process's `note`. */
  readonly noteOf?: (plan: LaunchPlan) => string;
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
  const ready = (await rememberedPlan(input, options)) ?? (await compiledPlan(input, options));
  return startPlan({ ...ready, input: async () => input }, options);
}

/** Encoded. */
interface ReadyPlan {
  readonly plan: Uint8Array;
  readonly note: string;
}

/** With a plan that is there already; `input` is made only to put a failure into words. */
async function startPlan(
  { plan, note, input }: ReadyPlan & { readonly input: () => Promise<PlanInput> },
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
    return { ...launched, tty: options.tty, note, release: () => launched.connection.close() };
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
  if (plan !== null) return { started: await startPlan({ plan, note: likeThis?.note ?? "", input: makeInput }, options), input: null };
  const input = await makeInput();
  return { started: await startProcess(input, { ...options, remember: keepAs(input) }), input };
}

/** The bytes of the plan, without loading the compiler where an earlier one serves; null when it has to be compiled for this start. */
async function rememberedPlan(input: PlanInput, { remember, onPlan, noteOf }: StartProcessOptions): Promise<ReadyPlan | null> {
  if (remember === undefined || remember === null || onPlan !== undefined) return null;
  const found = remember.read();
  if (found !== null) return { plan: found, note: remember.note };
  const { plan, note } = await compiledPlan(atNoTime(input), noteOf === undefined ? {} : { noteOf });
  return { plan: remember.write(plan, note), note };
}

async function compiledPlan(input: PlanInput, { noteOf, onPlan }: Pick<StartProcessOptions, "noteOf" | "onPlan">): Promise<ReadyPlan> {
  const { compilePlan } = await import("../plan/compile.ts");
  const { encodePlan } = await import("../plan/encode.ts");
  const plan = compilePlan(input);
  if (onPlan !== undefined) {
    const { explainPlan } = await import("../plan/explain.ts");
    onPlan(explainPlan(plan));
  }
  return { plan: encodePlan(plan), note: noteOf?.(plan) ?? "" };
}

async function explainFailure(input: PlanInput, error: EngineError): Promise<EngineError> {
  const { operation, errno, detail } = error.details as { operation: number | null; errno: number; detail: string };
  if (operation === null) return error;
  const { compilePlan } = await import("../plan/compile.ts");
  const { describeFailure } = await import("../plan/describe-failure.ts");
  return describeFailure(compilePlan(input), { index: operation, errno, detail });
}
