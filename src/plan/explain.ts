import type { ExplainedPlan, ExplainedStep } from "./explained-plan.ts";
import { explainFiles } from "./explain-files.ts";
import { explainMounts } from "./explain-mounts.ts";
import { explainProcess } from "./explain-process.ts";
import type { LaunchPlan, Operation, OperationName } from "./operations.ts";
import type { Explainers } from "./strace-format.ts";

const EXPLAINERS: Explainers<OperationName> = { ...explainFiles, ...explainMounts, ...explainProcess };

/**
 * A plan in words, one step per operation, made from the operations themselves: what is printed is what runs. Lookups that change nothing
 * (openat2 of a mount's target, say) are left out of the calls.
 */
export function explainPlan(plan: LaunchPlan): ExplainedPlan {
  return { steps: plan.operations.map((operation, index) => explainStep(operation, index + 1)) };
}

function explainStep(operation: Operation, number: number): ExplainedStep {
  const { man, calls: tell } = explainerOf(operation.name);
  const calls = tell(operation.args);
  return {
    number,
    section: operation.section,
    call: calls.join("; "),
    calls,
    why: operation.why,
    man,
    ignored: operation.ignore === "any" ? ["any error"] : operation.ignore,
  };
}

function explainerOf(name: OperationName): { readonly man: string; readonly calls: (args: readonly unknown[]) => readonly string[] } {
  const { man, calls } = EXPLAINERS[name];
  // Name and arguments of an Operation belong together by construction (PlanBuilder.add); the union of all explainers can't say so.
  return { man, calls: (args) => (calls as (...list: readonly unknown[]) => readonly string[])(...args) };
}
