import { EngineError } from "../core/engine-error.ts";
import { launchPlan, type LaunchedProcess } from "../kernel/launcher-client.ts";
import { compilePlan } from "../plan/compile.ts";
import { encodePlan } from "../plan/encode.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import type { PlanInput } from "../plan/plan-input.ts";

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
  /** Told the plan in words, just before it runs. */
  readonly onPlan?: (plan: ExplainedPlan) => void;
  readonly signal?: AbortSignal;
}

/**
 * Compiles a plan, carries it out, and turns a failure into a sentence about the operation that failed.
 * @throws {EngineError} COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, LAUNCHER_UNAVAILABLE; everything is undone.
 */
export async function startProcess(input: PlanInput, options: StartProcessOptions): Promise<StartedProcess> {
  const plan = compilePlan(input);
  options.onCompiled?.(plan);
  if (options.onPlan !== undefined) {
    const { explainPlan } = await import("../plan/explain.ts");
    options.onPlan(explainPlan(plan));
  }
  try {
    const launched = await launchPlan({
      launcher: options.launcher,
      plan: encodePlan(plan),
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.inheritStdio === undefined ? {} : { inheritStdio: options.inheritStdio }),
      ...(options.passedDescriptors === undefined ? {} : { passedDescriptors: options.passedDescriptors }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return { ...launched, tty: options.tty, release: () => launched.connection.close() };
  } catch (error) {
    throw error instanceof EngineError && error.code === "LAUNCH_FAILED" ? await explainFailure(plan, error) : error;
  }
}

async function explainFailure(plan: LaunchPlan, error: EngineError): Promise<EngineError> {
  const { operation, errno, detail } = error.details as { operation: number | null; errno: number; detail: string };
  if (operation === null) return error;
  const { describeFailure } = await import("../plan/describe-failure.ts");
  return describeFailure(plan, { index: operation, errno, detail });
}
