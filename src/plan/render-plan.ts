import type { ExplainedPlan, ExplainedStep } from "./explained-plan.ts";

const HEADINGS: Readonly<Record<ExplainedStep["section"], string>> = {
  host: "HOST: before the container's first process exists",
  parent: "PARENT: from outside, side by side with the child",
  child: "CHILD: inside, by the container's first process",
  tail: "TAIL: afterwards",
};

/**
 * A plan as text: under a heading for who carries it out, each step with its number (that of error messages), the reason, and beneath
 * it the system calls, one a line, with the page of the manual.
 */
export function renderPlan(plan: ExplainedPlan): string {
  const width = String(plan.steps.length).length;
  const indent = " ".repeat(width + 2);
  const lines: string[] = [];
  let section: ExplainedStep["section"] | undefined;
  for (const step of plan.steps) {
    if (step.section !== section) {
      if (section !== undefined) lines.push("");
      lines.push(HEADINGS[step.section], "");
      section = step.section;
    }
    const ignored = step.ignored.length === 0 ? "" : ` (goes on after ${step.ignored.join(", ")})`;
    lines.push(`${String(step.number).padStart(width)}  ${step.why}${ignored} [${step.man}]`);
    for (const call of step.calls) lines.push(`${indent}  ${call}`);
  }
  return `${lines.join("\n")}\n`;
}
