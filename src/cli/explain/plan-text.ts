import type { ExplainedPlan, ExplainedStep } from "../../plan/explained-plan.ts";

const HEADINGS: Readonly<Record<ExplainedStep["section"], string>> = {
  host: "On the host, before the container's first process exists",
  parent: "From outside, around the container's first process",
  child: "Inside, by the container's first process",
  tail: "Afterwards, by the monitor",
};

/**
 * A plan for people: one numbered call a step, with its reason and man page beneath, under a heading for who carries it out and where.
 * The numbers are those of error messages ("step 14 of 41").
 */
export function planText(plan: ExplainedPlan): string {
  const width = String(plan.steps.length).length;
  const lines: string[] = [];
  let section: ExplainedStep["section"] | undefined;
  for (const step of plan.steps) {
    if (step.section !== section) {
      if (section !== undefined) lines.push("");
      lines.push(HEADINGS[step.section], "");
      section = step.section;
    }
    const ignored = step.ignored.length === 0 ? "" : `; ${step.ignored.join(", ")} ${step.ignored.length === 1 ? "is" : "are"} no failure`;
    lines.push(`${String(step.number).padStart(width + 2)}  ${step.call}`, `${" ".repeat(width + 6)}${step.why}${ignored} [${step.man}]`);
  }
  return `${lines.join("\n")}\n`;
}

/** The same for programs: one JSON document. */
export function planJson(plan: ExplainedPlan): string {
  return `${JSON.stringify(plan, undefined, 2)}\n`;
}
