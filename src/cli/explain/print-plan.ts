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

/** In words, or as one JSON document for programs. */
export async function printPlan(sink: OutputSink, plan: ExplainedPlan, json: boolean): Promise<void> {
  if (json) {
    await sink.write(`${JSON.stringify(plan, undefined, 2)}\n`);
    return;
  }
  const { renderPlan } = await import("../../plan/render-plan.ts");
  await sink.write(renderPlan(plan));
}
