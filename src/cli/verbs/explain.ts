import { printPlan } from "../explain/print-plan.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { defineVerb } from "../verb.ts";

export const explainVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  summary: "Show the kernel operations that start a container, one by one",
  details:
    "The list is made from the very plan that start carries out. Values that only exist while it runs are shown as <pid>, file descriptors by name. To see the plan of a container that does not exist yet, use wherry run --explain=only.",
  flags: { json: switchFlag("Print the plan as JSON") },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [reference = ""] }) {
    const { containers } = await context.engine();
    await printPlan(context.stdout, await containers.explain(reference), values.json);
    return 0;
  },
});
