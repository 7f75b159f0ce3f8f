import type { DoctorItem, DoctorReport } from "../../kernel/doctor-report.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { wrapText } from "../flags/wrap-text.ts";
import { defineVerb } from "../verb.ts";

const WIDTH = 80;

export const doctorVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Say what this kernel and host offer to containers, and what is missing",
  details:
    "Each line is found by trying or reading, not by the kernel's version. What is limited or missing says what follows from it, and the remedy.",
  flags: { json: switchFlag("Print the report as JSON") },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const report = await (await context.engine()).system.doctor();
    await context.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : doctorText(report));
    return 0;
  },
});

function doctorText(report: DoctorReport): string {
  const items = report.sections.flatMap((section) => section.items);
  const width = Math.max(0, ...items.map(({ name }) => name.length)) + 2;
  const sections = report.sections.map(({ title, items: own }) => `${title}\n${own.map((item) => itemText(item, width)).join("")}`);
  const count = (status: DoctorItem["status"]): number => items.filter((item) => item.status === status).length;
  return `${sections.join("\n")}\n${count("ok")} ok, ${count("limited")} limited, ${count("missing")} missing\n`;
}

function itemText(item: DoctorItem, width: number): string {
  const line = `  ${item.status.padEnd(9)}${item.name.padEnd(width)}${item.detail}`.trimEnd();
  if (item.consequence === "") return `${line}\n`;
  const indent = " ".repeat(11);
  return `${line}\n${wrapText(item.consequence, WIDTH - indent.length)
    .map((text) => `${indent}${text}\n`)
    .join("")}`;
}
