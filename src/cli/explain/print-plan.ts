import type { ExplainedPlan } from "../../plan/explained-plan.ts";
import type { ContainerOptions } from "../../spec/container-options.ts";
import type { CliContext } from "../cli-context.ts";
import type { OutputSink } from "../output/output-sink.ts";

/** `--explain=only`: the plan on standard output, and nothing done. */
export async function explainOptions(context: CliContext, options: ContainerOptions, json: boolean): Promise<number> {
  const engine = await context.engine();
  await printPlan(context.stdout, await engine.containers.explainOptions(options), json);
  return 0;
}

export async function printPlan(sink: OutputSink, plan: ExplainedPlan, json: boolean): Promise<void> {
  const { planJson, planText } = await import("./plan-text.ts");
  await sink.write(json ? planJson(plan) : planText(plan));
}
